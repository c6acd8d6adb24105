// The key in the fragment must not be lost on the way to the same page in another language.

export function keepToken(): void {
  for (const link of document.querySelectorAll<HTMLAnchorElement>(".languages a")) {
    link.hash = location.hash;
  }
}
