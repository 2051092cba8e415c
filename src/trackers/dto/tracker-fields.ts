import { applyDecorators } from '@nestjs/common';
import { Transform } from 'class-transformer';
import { IsString, Length, Matches, MaxLength } from 'class-validator';

/**
 * Something to see, and nothing that a database or a terminal minds, or that nobody sees: two names that look the same
 * are the same. Joiners stay where scripts and emoji need them (U+200C, U+200D, U+FE0F), which is not beside ASCII.
 */
const NAME =
  /^(?=.*\S)(?:[^\p{Control}\p{Surrogate}\p{Format}\p{Default_Ignorable_Code_Point}]|(?<=[^\0-\x7f])[\u200c\u200d\ufe0f](?=[^\0-\x7f]|$))*$/u;
/** 28 bytes: the X coordinate of a P-224 key. */
export const ADVERTISEMENT_KEY = /^[A-Za-z0-9+/]{37}[AQgw]==$/;
/** 32 bytes: a SHA-256. */
export const HASHED_KEY = /^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/;

/** What a tracker may be called: without spaces around it, and composed as keyboards do (NFC). */
export function IsTrackerName(): PropertyDecorator {
  return applyDecorators(
    Transform(({ value }: { value: unknown }) =>
      typeof value === 'string' ? value.trim().normalize('NFC') : value,
    ),
    IsString(),
    MaxLength(200),
    Matches(NAME, { message: 'name must not be blank, nor have control characters or invisible ones' }),
  );
}

/** Text of a person, of a length in characters; the database cannot keep U+0000. */
export function IsText(min: number, max: number): PropertyDecorator {
  return applyDecorators(
    IsString(),
    Length(min, max),
    Matches(/^[^\0]*$/, { message: '$property must not have U+0000 in it' }),
  );
}
