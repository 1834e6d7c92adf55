/** What the space-time page says, and how it says an event. Pure. */
import type { StoryEvent } from '../../actors/observation.ts';
import { dictionary, type Language, type Like } from '../words.ts';
import type { Fate, Relation } from './causal.ts';
import type { Traced } from './record.ts';

const en = {
  title: 'Space-time diagram',
  about: 'One line a node, time downwards. What is joined by lines and arrows happened before; the rest is concurrent.',
  axis: 'Axis',
  lamport: 'Lamport order',
  wall: 'wall clock',
  wallNote: 'By wall clock the skew of the clocks shows: an arrow may point upwards.',
  pause: 'Pause',
  follow: 'Follow newest',
  older: 'Older page',
  newer: 'Newer page',
  previousViolation: 'Previous violation',
  nextViolation: 'Next violation',
  previousElection: 'Previous election',
  nextElection: 'Next election',
  noViolation: 'No violation that way',
  noElection: 'No election that way',
  position: 'Place in the record',
  positionText: (from: string, to: string, of: string) => `events ${from} to ${to} of ${of}`,
  sampling: 'Frames about messages',
  auto: 'as many as fit',
  oneOf: (n: string) => `1 of ${n}`,
  allShown: 'all',
  sampleAll: 'Complete: every frame that moves the Lamport clock.',
  sampleSome: (n: string) => `Sample: 1 of ${n} frames about messages; elections and faults are all here.`,
  dropped: (count: string) => `${count} events were left out by the nodes.`,
  kept: (count: string) => `The newest ${count} are kept.`,
  notFound: (link: string) => `Event ${link} is not in the record of this page.`,
  empty: 'Nothing recorded yet. Send a message, or wait for an election.',
  keys: 'Keys',
  keysText:
    '↑ ↓ previous and next event · ← → nearest event of the next node · PageUp PageDown pages · Home End · [ ] violations · e E elections · p pause · Escape deselects',
  canvas: (position: string, violations: string) =>
    `Space-time diagram, ${position}, ${violations} violations. The table below says the same.`,
  region: 'Diagram; arrow keys choose an event',
  table: 'The same events as a table',
  time: 'Time',
  node: 'Node',
  event: 'Event',
  messages: 'Messages',
  relation: 'Order',
  self: 'selected',
  past: 'before',
  future: 'after',
  concurrent: 'concurrent',
  chain: 'Cause and effect',
  choose: 'Choose an event to see what led to it and what came of it.',
  counts: (past: string, future: string, concurrent: string) =>
    `Events before it: ${past}; after it: ${future}; concurrent: ${concurrent}.`,
  countsSampled: 'Frames that are not in the sample may order more of them.',
  causes: 'What led to it',
  earlier: 'The chain goes further back.',
  effects: 'What came of it',
  deselect: 'Deselect',
  copyLink: 'Link to this event',
  exports: 'Export',
  exportNote: (count: string) => `All recorded events, at most the newest ${count}.`,
  exportSampled: 'What is not in the sample is not in the file.',
  cycle: 'Not exported: these events form a causal cycle, so the recording is wrong',
  shiviz: 'ShiViz log',
  perfetto: 'Perfetto, wall clock',
  perfettoLamport: 'Perfetto, Lamport',
  json: 'JSON lines',
  legend: 'Legend',
  legendLocal: 'of the node itself',
  legendGap: 'time left out',
  legendReplication: 'replication',
  legendElection: 'election',
  legendClient: 'clients',
  legendFault: 'fault',
  legendViolation: 'violation',
  legendLost: 'lost',
  legendFlying: 'under way',
  legendUnseen: 'arrival unknown',
  legendLeads: 'leads',
  legendConcurrent: 'concurrent (hollow)',
  violation: 'VIOLATION',
  leads: (epoch: string) => `leads, epoch ${epoch}`,
  leadsPlain: 'leads',
  nodeName: (node: number) => `node ${node}`,
  skipped: (count: string) => `⋯ +${count} ⋯`,
  sends: (what: string, peer: number) => `sends ${what} to ${peer}`,
  receives: (what: string, peer: number) => `receives ${what} from ${peer}`,
  ofMessages: (first: string, last: string) => (first === last ? `message ${first}` : `messages ${first} to ${last}`),
  inEpoch: (epoch: string) => `epoch ${epoch}`,
  atLamport: (lamport: string) => `Lamport ${lamport}`,
  lost: 'lost',
  flying: 'under way',
  unseen: 'arrival unknown',
};
export type TraceWords = Like<typeof en>;

export const traceWords = dictionary(en, {
  title: 'Diagrama espacio-tiempo',
  about:
    'Una línea por nodo, el tiempo hacia abajo. Lo unido por líneas y flechas ocurrió antes; lo demás es concurrente.',
  axis: 'Eje',
  lamport: 'orden de Lamport',
  wall: 'reloj de pared',
  wallNote: 'Con el reloj de pared se ve el desfase de los relojes: una flecha puede apuntar hacia arriba.',
  pause: 'Pausar',
  follow: 'Seguir lo más reciente',
  older: 'Página anterior',
  newer: 'Página siguiente',
  previousViolation: 'Violación anterior',
  nextViolation: 'Violación siguiente',
  previousElection: 'Elección anterior',
  nextElection: 'Elección siguiente',
  noViolation: 'No hay violaciones en esa dirección',
  noElection: 'No hay elecciones en esa dirección',
  position: 'Lugar en la grabación',
  positionText: (from: string, to: string, of: string) => `eventos ${from} a ${to} de ${of}`,
  sampling: 'Tramas de mensajes',
  auto: 'las que quepan',
  oneOf: (n: string) => `1 de ${n}`,
  allShown: 'todas',
  sampleAll: 'Completo: cada trama que mueve el reloj de Lamport.',
  sampleSome: (n: string) => `Muestra: 1 de ${n} tramas de mensajes; elecciones y fallos están todos.`,
  dropped: (count: string) => `Los nodos omitieron ${count} eventos.`,
  kept: (count: string) => `Se guardan los ${count} más recientes.`,
  notFound: (link: string) => `El evento ${link} no está en la grabación de esta página.`,
  empty: 'Aún no hay nada grabado. Envía un mensaje o espera una elección.',
  keys: 'Teclas',
  keysText:
    '↑ ↓ evento anterior y siguiente · ← → el más cercano del nodo vecino · RePág AvPág páginas · Inicio Fin · [ ] violaciones · e E elecciones · p pausa · Escape quita la selección',
  canvas: (position: string, violations: string) =>
    `Diagrama espacio-tiempo, ${position}, ${violations} violaciones. La tabla de abajo dice lo mismo.`,
  region: 'Diagrama; las flechas del teclado eligen un evento',
  table: 'Los mismos eventos en una tabla',
  time: 'Hora',
  node: 'Nodo',
  event: 'Evento',
  messages: 'Mensajes',
  relation: 'Orden',
  self: 'elegido',
  past: 'antes',
  future: 'después',
  concurrent: 'concurrente',
  chain: 'Causa y efecto',
  choose: 'Elige un evento para ver qué lo causó y qué resultó de él.',
  counts: (past: string, future: string, concurrent: string) =>
    `Eventos antes: ${past}; después: ${future}; concurrentes: ${concurrent}.`,
  countsSampled: 'Tramas fuera de la muestra pueden ordenar otros más.',
  causes: 'Qué lo causó',
  earlier: 'La cadena sigue hacia atrás.',
  effects: 'Qué resultó',
  deselect: 'Quitar selección',
  copyLink: 'Enlace a este evento',
  exports: 'Exportar',
  exportNote: (count: string) => `Todos los eventos grabados, como máximo los ${count} más recientes.`,
  exportSampled: 'Lo que no está en la muestra no está en el archivo.',
  cycle: 'No se exporta: estos eventos forman un ciclo causal, así que la grabación es errónea',
  shiviz: 'Registro ShiViz',
  perfetto: 'Perfetto, reloj',
  perfettoLamport: 'Perfetto, Lamport',
  json: 'Líneas JSON',
  legend: 'Leyenda',
  legendLocal: 'del propio nodo',
  legendGap: 'tiempo omitido',
  legendReplication: 'replicación',
  legendElection: 'elección',
  legendClient: 'clientes',
  legendFault: 'fallo',
  legendViolation: 'violación',
  legendLost: 'perdida',
  legendFlying: 'en camino',
  legendUnseen: 'llegada desconocida',
  legendLeads: 'lidera',
  legendConcurrent: 'concurrente (hueco)',
  violation: 'VIOLACIÓN',
  leads: (epoch: string) => `lidera, época ${epoch}`,
  leadsPlain: 'lidera',
  nodeName: (node: number) => `nodo ${node}`,
  skipped: (count: string) => `⋯ +${count} ⋯`,
  sends: (what: string, peer: number) => `envía ${what} a ${peer}`,
  receives: (what: string, peer: number) => `recibe ${what} de ${peer}`,
  ofMessages: (first: string, last: string) => (first === last ? `mensaje ${first}` : `mensajes ${first} a ${last}`),
  inEpoch: (epoch: string) => `época ${epoch}`,
  atLamport: (lamport: string) => `Lamport ${lamport}`,
  lost: 'perdida',
  flying: 'en camino',
  unseen: 'llegada desconocida',
});

/** In English they are said as they are. */
const storiesEs: Readonly<Record<StoryEvent, string>> = {
  started: 'arrancó',
  joined: 'se unió',
  campaigns: 'se presenta',
  adopts: 'adopta el registro',
  leads: 'lidera',
  follows: 'sigue',
  'lost the leader': 'perdió al líder',
  'hands over': 'cede el mando',
  'handover failed': 'no pudo ceder el mando',
  'steps down': 'deja el mando',
  connected: 'conectado',
  cut: 'enlace cortado',
  refused: 'rechazado',
  damaged: 'registro dañado',
  healed: 'registro sanado',
  'lost log': 'perdió el registro',
  'lost identity': 'perdió la identidad',
  mismatch: 'configuración distinta',
  'disk full': 'disco lleno',
  'disk nearly full': 'disco casi lleno',
  'disk has room': 'el disco tiene sitio',
  violation: 'violación',
  failed: 'falló',
};
const storyIn = (language: Language, what: string): string =>
  language === 'es' && Object.hasOwn(storiesEs, what) ? storiesEs[what as StoryEvent] : what;

const idsInEpoch = 65_536;
export const roundOf = (epoch: number): number => Math.floor(epoch / idsInEpoch);

export interface Saying {
  readonly language: Language;
  readonly words: TraceWords;
  readonly count: (value: number) => string;
}

/** What happened, without node and time. */
export function sayWhat(event: Traced, { language, words: w, count }: Saying): string {
  if (event.kind === 'local' || event.peer === undefined) {
    const epoch = event.epoch === undefined || event.epoch === 0 ? '' : `, ${w.inEpoch(count(roundOf(event.epoch)))}`;
    return storyIn(language, event.what) + epoch;
  }
  return event.kind === 'send' ? w.sends(event.what, event.peer) : w.receives(event.what, event.peer);
}
export const sayIds = ({ ids }: Traced, { words: w, count }: Saying): string =>
  ids === undefined ? '' : w.ofMessages(count(ids[0]), count(ids[1]));

/** Of a frame that was sent, where it did not simply arrive. */
export const sayFate = (fate: Fate, w: TraceWords): string => (fate === 'arrived' ? '' : w[fate]);
export const sayRelation = (relation: Relation, w: TraceWords): string => w[relation];

/** A whole sentence: for the live region and the list. */
export function sayEvent(event: Traced, saying: Saying, relation?: Relation): string {
  const w = saying.words;
  const parts = [
    `${w.nodeName(event.node)} ${sayWhat(event, saying)}`,
    sayIds(event, saying),
    w.atLamport(saying.count(event.lamport)),
    event.violation ? w.violation : '',
    relation === undefined || relation === 'self' ? '' : sayRelation(relation, w),
  ];
  return parts.filter((part) => part !== '').join(', ');
}
