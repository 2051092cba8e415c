import { join } from 'node:path';
import { ROOT } from './product.js';

/** Real input that is no part of the project; tests that need it are skipped where it is missing. */
export const REAL_DATA = process.env['TEST_REAL_DATA'] ?? join(ROOT, '..', 'shared', 'data');
