import { ValidateBy } from 'class-validator';
import { CronExpressionParser } from 'cron-parser';

/** Accepts a cron expression of five fields, as in crontab. */
export function IsCron(): PropertyDecorator {
  return ValidateBy({
    name: 'isCron',
    validator: {
      validate: isCron,
      defaultMessage: (about) =>
        `${about?.property ?? 'it'} must be a cron expression of five fields, e.g. "0 */6 * * *"`,
    },
  });
}

function isCron(value: unknown): boolean {
  if (typeof value !== 'string' || value.trim().split(/\s+/).length !== 5) return false;
  try {
    CronExpressionParser.parse(value, { tz: 'UTC' });
    return true;
  } catch {
    return false; // the message shows the form
  }
}
