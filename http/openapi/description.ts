/** The calls by which this API describes itself. */
import { ofParameters } from './errorAnswers.ts';
import { ifNoneMatch, language } from './parameters.ts';
import { type Answer, json, type Operation } from './vocabulary.ts';

const html = 'text/html';
const notModified: Answer = { status: 304, description: 'What the client has is still right.', headers: ['ETag'] };

const document: Operation = {
  id: 'getDescription',
  method: 'GET',
  path: '/openapi.json',
  group: 'description',
  summary: { en: 'This description, for programs', es: 'Esta descripción, para programas' },
  description: 'OpenAPI 3.1, with the calls that this very node takes.',
  parameters: [ifNoneMatch],
  answers: [
    {
      status: 200,
      description: 'The document.',
      headers: ['ETag'],
      content: {
        [json]: {
          schema: {
            type: 'object',
            properties: {
              openapi: { type: 'string', pattern: '^3\\.1\\.\\d+$' },
              info: { type: 'object' },
              paths: { type: 'object' },
            },
            required: ['openapi', 'info', 'paths'],
          },
        },
      },
    },
    notModified,
  ],
  errors: [],
  examples: [{ path: '/openapi.json', status: 200, answer: { openapi: '3.1.1', info: {}, paths: {} } }],
};

const page: Operation = {
  id: 'getDocs',
  method: 'GET',
  path: '/docs',
  group: 'description',
  summary: { en: 'This page', es: 'Esta página' },
  description: 'For people: one page of HTML that needs no script, no other file and no other host.',
  parameters: [language, ifNoneMatch],
  answers: [
    {
      status: 200,
      description: 'The page.',
      headers: ['ETag', 'Content-Language'],
      content: { [html]: { schema: { type: 'string', pattern: '^<!doctype html>' } } },
    },
    notModified,
  ],
  errors: [...ofParameters],
  examples: [
    { path: '/docs?lang=es', status: 200, type: html, answer: '<!doctype html>\n<html lang="es">\n…\n' },
    { path: '/docs?lang=tlh', status: 400, code: 'PARAMETER_INVALID', detail: 'lang is en or es' },
  ],
};

export const descriptionOperations: readonly Operation[] = [document, page];
