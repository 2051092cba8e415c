-- Undoes the functions that stand on the row type of location_reports. What is known of counted reports
-- (report_identities) stays.
DROP FUNCTION refuse_unmergeable_reports, claim_late_reports, milliseconds_of_day, summarize_reports;
