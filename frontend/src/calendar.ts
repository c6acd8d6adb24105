// One event as an iCalendar file (RFC 5545). Pure.

export interface Appointment {
  readonly uid: string;
  readonly title: string;
  readonly url: string;
  readonly starts_ms: number;
  readonly stamp_ms: number;
}

export function iCalendar(one: Appointment): string {
  const lines = [
    "BEGIN:VCALENDAR",
    "VERSION:2.0",
    "PRODID:-//Samvad//Samvad//EN",
    "BEGIN:VEVENT",
    `UID:${one.uid}`,
    `DTSTAMP:${utc(one.stamp_ms)}`,
    `DTSTART:${utc(one.starts_ms)}`,
    // Nobody knows how long a conversation takes; an hour keeps the place in a calendar.
    "DURATION:PT1H",
    `SUMMARY:${escape(one.title)}`,
    `URL:${one.url}`,
    `DESCRIPTION:${escape(one.url)}`,
    "END:VEVENT",
    "END:VCALENDAR",
  ];
  return lines.map(fold).join("\r\n") + "\r\n";
}

function utc(ms: number): string {
  return new Date(ms).toISOString().replace(/[-:]|\.\d+/g, "");
}

function escape(text: string): string {
  return text.replace(/[\\;,]/g, "\\$&").replace(/\r?\n/g, "\\n");
}

/** Lines have at most 75 octets; a fold never splits a character (section 3.1). */
function fold(line: string): string {
  const encoder = new TextEncoder();
  const rows: string[] = [];
  let row = "";
  let size = 0;
  for (const char of line) {
    const octets = encoder.encode(char).length;
    if (size + octets > 75) {
      rows.push(row);
      row = " ";
      size = 1;
    }
    row += char;
    size += octets;
  }
  rows.push(row);
  return rows.join("\r\n");
}
