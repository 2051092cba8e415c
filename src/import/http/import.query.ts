import { OptionalTextParameter } from '../../common/http/query-parameters.js';

/** Query parameters of `POST /import/reports`. */
export class ReportsQuery {
  /** Name of the tracker for all reports. */
  @OptionalTextParameter()
  tracker?: string;
}

/** Query parameters of `POST /import/owntracks`; the app may send both in headers instead. */
export class OwnTracksQuery {
  /** User. */
  @OptionalTextParameter()
  u?: string;

  /** Device. */
  @OptionalTextParameter()
  d?: string;
}

/** Query parameters of `POST /import/overland`. */
export class OverlandQuery {
  /** Name of the tracker or device for all reports. */
  @OptionalTextParameter()
  tracker?: string;
}
