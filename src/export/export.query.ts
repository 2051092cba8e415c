import { ChoiceParameter, TextParameter, TimeParameter } from '../common/http/query-parameters.js';
import { EXPORT_DETAILS, type ExportDetail } from './export.repository.js';

/** Query parameters of `GET /export/history.:format`. */
export class ExportQuery {
  @TextParameter('the id of a tracker')
  trackerId!: string;

  @TimeParameter()
  startTime!: Date;

  @TimeParameter()
  endTime!: Date;

  @ChoiceParameter(EXPORT_DETAILS)
  detail: ExportDetail = 'history';
}
