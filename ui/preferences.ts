/** Language and colours: by `?lang=`, else as chosen before, else as the browser is set. */
import { computed, effect, signal } from '@preact/signals';
import { type Formats, formats } from './format.ts';
import { type Dictionary, type Language, type Like, languageFrom, languages, words as pageWords } from './words.ts';

export const themes = ['auto', 'light', 'dark'] as const;
export type Theme = (typeof themes)[number];

/** Storage may be forbidden: then a choice lasts as long as the page. */
function stored(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}
function store(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {
    // As above.
  }
}

function firstLanguage(): Language {
  const asked = [new URLSearchParams(location.search).get('lang'), stored('language')];
  const known = asked.find((one): one is Language => languages.some((language) => language === one));
  return known ?? languageFrom(navigator.languages);
}

export const language = signal<Language>(firstLanguage());
export const theme = signal<Theme>(themes.find((one) => one === stored('theme')) ?? 'auto');
export const words = computed(() => pageWords[language.value]);
export const format = computed<Formats>(() => formats(language.value));
/** Words of a page of its own. */
export const wordsOf = <T>(dictionary: Dictionary<T>): Like<T> => dictionary[language.value];

/** Rises when colours have changed, also by the system: for what draws on a canvas. */
export const coloursVersion = signal(0);

export function chooseLanguage(chosen: Language): void {
  language.value = chosen;
  store('language', chosen);
}
export function chooseTheme(chosen: Theme): void {
  theme.value = chosen;
  store('theme', chosen);
}

effect(() => {
  document.documentElement.lang = language.value;
});
effect(() => {
  document.documentElement.dataset.theme = theme.value;
  coloursVersion.value = coloursVersion.peek() + 1;
});
for (const query of ['(prefers-color-scheme: dark)', '(forced-colors: active)']) {
  matchMedia(query).addEventListener('change', () => {
    coloursVersion.value++;
  });
}
