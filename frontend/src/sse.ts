// text/event-stream (HTML Standard, 9.2.6), as far as the stage uses it. Read by fetch, since
// EventSource cannot send an Authorization header.

/** Text in, the `data` of completed events out. */
export class EventStream {
  private rest = "";
  private data: string[] = [];

  feed(text: string): string[] {
    const events: string[] = [];
    // A CR at the very end may be half of a CRLF: it waits for what follows.
    const all = this.rest + text;
    const whole = all.endsWith("\r") ? all.slice(0, -1) : all;
    const lines = whole.split(/\r\n|\n|\r/);
    this.rest = (lines.pop() ?? "") + (all.endsWith("\r") ? "\r" : "");
    for (const line of lines) {
      if (line === "") {
        if (this.data.length > 0) events.push(this.data.join("\n"));
        this.data = [];
      } else if (line.startsWith("data:")) {
        this.data.push(line.slice(line[5] === " " ? 6 : 5));
      }
    }
    return events;
  }
}
