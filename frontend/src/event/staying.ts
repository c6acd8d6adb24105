// Whether the page is left for itself (a reload, another language): its seat is still wanted.

/** Tells, when the page is left, whether it is left for the same address. */
export function watchStaying(): () => boolean {
  let staying = false;
  const navigation = (window as { navigation?: EventTarget }).navigation;
  navigation?.addEventListener("navigate", (event) => {
    const to = (event as Event & { destination?: { url: string } }).destination?.url;
    staying = to !== undefined && new URL(to).pathname === location.pathname;
  });
  return () => staying;
}
