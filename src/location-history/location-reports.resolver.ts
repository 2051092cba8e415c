import { Args, Mutation, Resolver } from '@nestjs/graphql';
import { CreateLocationReportInput } from './dto/create-location-report.input.js';
import { DeleteLocationReportsArgs } from './dto/delete-location-reports.args.js';
import { CreatedLocationReport, DeletedLocationReports } from './location-reports.model.js';
import type { DeletedDay } from './location-reports.repository.js';
import { LocationReportsService } from './location-reports.service.js';

@Resolver()
export class LocationReportsResolver {
  constructor(private readonly reports: LocationReportsService) {}

  @Mutation(() => CreatedLocationReport, {
    description: 'Ingests one report. A duplicate changes nothing.',
  })
  async createLocationReport(
    @Args('input', { description: 'The report.' }) input: CreateLocationReportInput,
  ): Promise<CreatedLocationReport> {
    const { trackerId, timestamp, latitude, longitude } = input;
    const outcome = await this.reports.create(trackerId, {
      timestamp,
      latitude,
      longitude,
      confidence: input.confidence ?? null,
      horizontalAccuracy: input.horizontalAccuracy ?? null,
      status: input.status ?? null,
      nearestCity: input.nearestCity ?? null,
      altitude: input.altitude ?? null,
      speed: input.speed ?? null,
      course: input.course ?? null,
      battery: input.battery ?? null,
      motion: input.motion ?? null,
    });
    return { trackerId, timestamp, outcome };
  }

  @Mutation(() => DeletedLocationReports, {
    description:
      'Deletes reports permanently: later imports reject them. Hours and days are recomputed where raw reports are kept; the answer lists the days for which that was impossible.',
  })
  async deleteLocationReports(@Args() args: DeleteLocationReportsArgs): Promise<DeletedLocationReports> {
    const days = await this.reports.delete(args.trackerId, args.from, args.to);
    const sum = (deletions: DeletedDay[]): number =>
      deletions.reduce((total, { reports }) => total + reports, 0);
    return {
      days,
      deletedReports: sum(days.filter(({ deleted }) => deleted)),
      keptReports: sum(days.filter(({ deleted }) => !deleted)),
    };
  }
}
