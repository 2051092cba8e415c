import { applyDecorators } from '@nestjs/common';
import { Transform } from 'class-transformer';
import { IsDate, IsIn, IsOptional, IsString, type ValidationArguments } from 'class-validator';
import { DateTimeScalar } from '../graphql/date-time.scalar.js';

/**
 * Decorators for the classes that validate the query parameters of an HTTP route. The global ValidationPipe turns
 * violations into `BAD_USER_INPUT` with the name of the parameter.
 */

const MAX_SHOWN = 100;

/** Describes a violation: the parameter is missing, given more than once, or not `allowed`. */
function problemWith(allowed: string): (problem: ValidationArguments) => string {
  return ({ property, value }: { property: string; value: unknown }) => {
    if (value === undefined || value === '') return `${property} is missing; it must be ${allowed}`;
    if (Array.isArray(value)) return `${property} must be given once (got ${value.length} values)`;
    return `${property} must be ${allowed} (got ${JSON.stringify(value).slice(0, MAX_SHOWN)})`;
  };
}

/** A required text. @param allowed description of a valid value, for the message, e.g. `the id of a tracker`. */
export function TextParameter(allowed: string): PropertyDecorator {
  return applyDecorators(EmptyAsMissing(), IsString({ message: problemWith(allowed) }));
}

/** An optional text. */
export function OptionalTextParameter(): PropertyDecorator {
  return applyDecorators(EmptyAsMissing(), IsOptional(), IsString({ message: problemWith('text') }));
}

/** A required time in the format of the GraphQL scalar `DateTime`; converted to a Date. */
export function TimeParameter(): PropertyDecorator {
  return applyDecorators(
    Transform(parseTime),
    IsDate({ message: problemWith('a time in RFC 3339 with an offset, e.g. 2025-01-31T23:59:59Z') }),
  );
}

/** One of a few words. */
export function ChoiceParameter(words: readonly string[]): PropertyDecorator {
  return IsIn(words, { message: problemWith(`one of ${words.join(', ')}`) });
}

/** Treats `?name=` as a missing `name`. */
function EmptyAsMissing(): PropertyDecorator {
  return Transform(({ value }: { value: unknown }) => (value === '' ? undefined : value));
}

function parseTime({ value }: { value: unknown }): unknown {
  try {
    return DateTimeScalar.parseValue(value);
  } catch {
    return value; // IsDate rejects it
  }
}
