import { GeocodingCron } from '../geocoding/geocoding.cron.js';
import { GeocodingModule } from '../geocoding/geocoding.module.js';
import type { RolePart } from './role-part.js';

export const geocoder: RolePart = { modules: [GeocodingModule], runners: [GeocodingCron] };
