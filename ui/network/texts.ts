/** The words of all pages and those of the network page, in the reader's language. */
import { computed } from '@preact/signals';
import { wordsOf, words as wordsOfAll } from '../preferences.ts';
import { networkWords } from './words.ts';

export const words = computed(() => ({ ...wordsOfAll.value, ...wordsOf(networkWords) }));
