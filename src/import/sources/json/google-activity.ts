import type { Motion } from '../../../common/telemetry.js';
import { type Fields, isObject, numberFrom } from '../field-values.js';
import { motionFrom } from '../telemetry.js';

interface Guess {
  readonly motion: Motion | undefined;
  readonly confidence: number;
}

const NO_GUESS: Guess = { motion: undefined, confidence: -1 };

/**
 * Returns the motion from the `activity` of a record: readings at a few times, each a list of guesses with a
 * confidence. The likeliest guess of all readings wins. A reading whose likeliest guess is UNKNOWN is ignored.
 *
 * Until 2017 the lists were called `activitys` and `activities`, and the types `onFoot` and so on.
 */
export function motionFromActivity(readings: unknown): Motion | undefined {
  if (!Array.isArray(readings)) {
    return undefined;
  }
  let best = NO_GUESS;
  for (const reading of readings) {
    const guess = isObject(reading) ? likeliest(reading['activity'] ?? reading['activities']) : NO_GUESS;
    if (guess.motion !== undefined && guess.confidence > best.confidence) {
      best = guess;
    }
  }
  return best.motion;
}

function likeliest(guesses: unknown): Guess {
  if (!Array.isArray(guesses)) {
    return NO_GUESS;
  }
  let best = NO_GUESS;
  let running = 0;
  let walking = 0;
  for (const guess of guesses) {
    const type = isObject(guess) ? typeOf(guess) : '';
    const confidence = isObject(guess) ? (numberFrom(guess['confidence']) ?? 0) : 0;
    if (type === 'running') running = confidence;
    if (type === 'walking') walking = confidence;
    // TILTING describes how the phone is held, and is possible with any motion.
    if (type !== '' && type !== 'tilting' && confidence > best.confidence) {
      best = { motion: motionFrom(type), confidence };
    }
  }
  // ON_FOOT includes WALKING and RUNNING: its confidence is the sum of both, and it precedes them.
  return best.motion === 'walking' && running > walking ? { ...best, motion: 'running' } : best;
}

function typeOf({ type }: Fields): string {
  return typeof type === 'string' ? type.toLowerCase() : '';
}
