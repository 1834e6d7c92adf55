import type { Result } from './result.ts';
export const pictureOf = (result: Result): string => `<svg>${result.messages}</svg>`;
