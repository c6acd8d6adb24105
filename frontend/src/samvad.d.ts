// What pages tell of themselves, for tests and the curious.
interface Window {
  samvad: { stats(): Record<string, unknown> };
}
