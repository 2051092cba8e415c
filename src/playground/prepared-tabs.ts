/** A query that the playground opens with. */
export interface PreparedTab {
  /** Title of the tab (letters, digits, `_`). */
  readonly title: string;
  /** Text of the comment above the query. */
  readonly about: string;
  /** The page replaces `{{-30d}}` with midnight UTC 30 days ago, by the browser's clock. */
  readonly query: string;
}

const HISTORY_FIELDS = `id
    timestamp
    location {
      latitude
      longitude
    }
    nearestCity
    tracker {
      id
      name
      currentStatus
    }`;

/** The tabs of a first visit, in order; later visits restore the tabs that were open. */
export const PREPARED_TABS: readonly PreparedTab[] = [
  {
    title: 'Trackers',
    about: 'every tracker with its newest location',
    query: `{
  trackers {
    id
    name
    currentStatus
    latestLocation {
      locatedAt
      nearestCity
      location {
        latitude
        longitude
      }
      battery
    }
  }
}
`,
  },
  {
    title: 'DailyHistory',
    about: 'one row per day, the last 30 days',
    query: `query {
  locationHistoryAggregated(
    trackerId: "1"
    startTime: "{{-30d}}"
    endTime: "{{+1d}}"
    bucketSize: "1 day" # Options: "1 hour" or "1 day"
  ) {
    ${HISTORY_FIELDS}
  }
}
`,
  },
  {
    title: 'HourlyHistory',
    about: 'one row per hour, the last 2 days',
    query: `query {
  locationHistoryAggregated(
    trackerId: "1"
    startTime: "{{-2d}}"
    endTime: "{{+1d}}"
    bucketSize: "1 hour" # Options: "1 hour" or "1 day"
  ) {
    ${HISTORY_FIELDS}
  }
}
`,
  },
  {
    title: 'Live',
    about: 'every new report, until stopped',
    query: `subscription {
  locationUpdated(trackerIds: ["1"]) {
    trackerName
    timestamp
    location {
      latitude
      longitude
    }
    speed
    battery
  }
}
`,
  },
  {
    title: 'Refresh',
    about: 'recomputes the last 7 days from the raw reports',
    query: `mutation {
  refreshLocationHistoryAggregates(
    trackerId: "1"
    startTime: "{{-7d}}"
    endTime: "{{+1d}}"
  )
}
`,
  },
];
