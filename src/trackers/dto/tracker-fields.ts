import { applyDecorators } from '@nestjs/common';
import { IsString, Length, Matches } from 'class-validator';

/** Something to see, and nothing that a database or a terminal minds. */
const NAME = /^(?=.*\S)[^\p{Control}\p{Surrogate}]*$/u;
/** 28 bytes: the X coordinate of a P-224 key. */
export const ADVERTISEMENT_KEY = /^[A-Za-z0-9+/]{37}[AQgw]==$/;
/** 32 bytes: a SHA-256. */
export const HASHED_KEY = /^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/;

/** What a tracker may be called. */
export function IsTrackerName(): PropertyDecorator {
  return applyDecorators(
    IsString(),
    Length(1, 200),
    Matches(NAME, { message: 'name must not be blank, nor have control characters' }),
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
