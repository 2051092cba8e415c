import { applyDecorators } from '@nestjs/common';
import { Transform } from 'class-transformer';
import { IsString, Length, Matches, MaxLength } from 'class-validator';

/**
 * A visible name without control or invisible characters, which would break terminals and let two different names look
 * the same. Joiners (U+200C, U+200D, U+FE0F), which some scripts and emoji need, are allowed except next to ASCII.
 */
const NAME =
  /^(?=.*\S)(?:[^\p{Control}\p{Surrogate}\p{Format}\p{Default_Ignorable_Code_Point}]|(?<=[^\0-\x7f])[\u200c\u200d\ufe0f](?=[^\0-\x7f]|$))*$/u;
/** Base64 of 28 bytes: the X coordinate of a P-224 public key. */
export const ADVERTISEMENT_KEY = /^[A-Za-z0-9+/]{37}[AQgw]==$/;
/** Base64 of 32 bytes: a SHA-256. */
export const HASHED_ADVERTISEMENT_KEY = /^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/;

/** Validates the name of a tracker, after trimming it and normalizing it to NFC. */
export function IsTrackerName(): PropertyDecorator {
  return applyDecorators(
    Transform(({ value }: { value: unknown }) =>
      typeof value === 'string' ? value.trim().normalize('NFC') : value,
    ),
    IsString(),
    MaxLength(200),
    Matches(NAME, { message: 'name must not be blank or contain control or invisible characters' }),
  );
}

/** Validates free text of `min` to `max` characters; the database cannot store U+0000. */
export function IsText(min: number, max: number): PropertyDecorator {
  return applyDecorators(
    IsString(),
    Length(min, max),
    Matches(/^[^\0]*$/, { message: '$property must not contain U+0000' }),
  );
}
