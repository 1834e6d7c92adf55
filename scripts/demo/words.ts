/** What the film says, in both languages. Figures are those of the run that is filmed; none stands here. */

export const languages = ['es', 'en'] as const;
export type Language = (typeof languages)[number];

export interface Words {
  /** Lines of the first picture, the greatest first. */
  readonly title: readonly string[];
  readonly leads: string;
  readonly follows: string;
  readonly chooses: string;
  readonly dead: string;
  readonly confirmed: (count: string) => string;
  /** Typed into a dashboard, and the beginning of what the clients write. */
  readonly typed: string;
  readonly text: string;

  readonly three: (leader: number) => string;
  readonly typing: (node: number) => string;
  readonly everywhere: (id: string) => string;
  readonly streaming: string;
  readonly spaceTime: string;
  readonly before: (leader: number) => string;
  readonly killed: (leader: number) => string;
  readonly recovered: (successor: number, gap: string) => string;
  readonly reviving: (leader: number) => string;
  readonly back: (leader: number, successor: number) => string;
  readonly failover: string;
  readonly actors: string;
  readonly balance: (confirmed: string, messages: string) => readonly string[];
  readonly faults: (lost: string, doubled: string, violations: string) => string;
}

const es: Words = {
  title: [
    'distributed-log',
    'Tres nodos, un mismo registro, un mismo orden',
    'Todo lo que se ve son procesos reales de esta máquina',
  ],
  leads: 'líder',
  follows: 'seguidor',
  chooses: 'sin líder',
  dead: 'caído',
  confirmed: (count) => `${count} escrituras confirmadas`,
  typed: 'Hola desde un seguidor',
  text: 'pedido',

  three: (leader) =>
    `Cada columna es el panel de un nodo. Lidera ${leader}: el identificador más alto de los que están vivos.`,
  typing: (node) => `Escribimos en ${node}, un seguidor. El líder no confirma hasta que una mayoría lo tiene en disco.`,
  everywhere: (id) => `Confirmado con el id ${id}: en los tres nodos, con el mismo tiempo de Lamport.`,
  streaming:
    'Ahora escriben tres clientes, uno en cada nodo. Los tres registros crecen igual: mismos mensajes, mismo orden.',
  spaceTime:
    'El diagrama espacio-tiempo: una línea por nodo, una flecha por trama. Toda flecha llega con un tiempo de Lamport mayor.',
  before: (leader) => `Los clientes siguen escribiendo. Ahora matamos al líder, ${leader}, como con kill -9.`,
  killed: (leader) => `${leader} ha muerto. Los otros dos lo notan y eligen.`,
  recovered: (successor, gap) =>
    `Ya lidera ${successor}. Durante ${gap} no se confirmó ninguna escritura; luego siguieron solas.`,
  reviving: (leader) => `Arrancamos ${leader} de nuevo. Lee su disco y recibe de los demás lo que le falta.`,
  back: (leader, successor) =>
    `Ya está al día. Como ${leader} tiene el identificador más alto, ${successor} le cede el mando.`,
  failover: 'Lo mismo en el diagrama. En morado, la elección; la banda amarilla dice quién lidera.',
  actors:
    'Por dentro, cada nodo es un árbol de actores que se hablan con eventos. Aquí la elección: un líder y dos seguidores.',
  balance: (confirmed, messages) => [
    `${confirmed} escrituras confirmadas`,
    `Los tres nodos guardan los mismos ${messages} mensajes, en el mismo orden`,
  ],
  faults: (lost, doubled, violations) =>
    `Perdidos: ${lost} · Duplicados: ${doubled} · Violaciones de causalidad: ${violations}`,
};

const en: Words = {
  title: [
    'distributed-log',
    'Three nodes, one log, one order',
    'All of this happens in real processes of this machine',
  ],
  leads: 'leader',
  follows: 'follower',
  chooses: 'no leader',
  dead: 'dead',
  confirmed: (count) => `${count} writes acknowledged`,
  typed: 'Hello from a follower',
  text: 'order',

  three: (leader) => `Each column is the dashboard of one node. ${leader} leads: the highest id that is alive.`,
  typing: (node) => `We write at ${node}, a follower. The leader acknowledges once a majority has it on disk.`,
  everywhere: (id) => `Acknowledged as id ${id}: at all three nodes, with the same Lamport time.`,
  streaming:
    'Now three clients write, one at each node. The three logs grow alike: the same messages, in the same order.',
  spaceTime:
    'The space-time diagram: a line for each node, an arrow for each frame. Every arrow arrives at a higher Lamport time.',
  before: (leader) => `The clients go on writing. Now we kill the leader, ${leader}, as abruptly as kill -9.`,
  killed: (leader) => `${leader} is dead. The other two notice, and elect.`,
  recovered: (successor, gap) =>
    `Now ${successor} leads. For ${gap} no write was acknowledged; then they went on by themselves.`,
  reviving: (leader) => `We start ${leader} again. It reads its disk and gets from the others what it lacks.`,
  back: (leader, successor) => `It has caught up. ${leader} has the highest id, so ${successor} hands over to it.`,
  failover: 'The same in the diagram. The election is purple; the yellow band says who leads.',
  actors:
    'Inside, each node is a tree of actors that speak by events. Here the election: one leader and two followers.',
  balance: (confirmed, messages) => [
    `${confirmed} writes acknowledged`,
    `All three nodes hold the same ${messages} messages, in the same order`,
  ],
  faults: (lost, doubled, violations) => `Lost: ${lost} · Doubled: ${doubled} · Causality violations: ${violations}`,
};

export const words: Readonly<Record<Language, Words>> = { es, en };

export interface Numbers {
  count(value: number): string;
  seconds(ms: number): string;
}

export function numbersOf(language: Language): Numbers {
  const count = new Intl.NumberFormat(language, { useGrouping: 'always' } as Intl.NumberFormatOptions);
  const fine = new Intl.NumberFormat(language, { minimumFractionDigits: 2, maximumFractionDigits: 2 });
  const coarse = new Intl.NumberFormat(language, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
  return {
    count: (value) => count.format(value),
    seconds: (ms) => `${(ms < 995 ? fine : coarse).format(ms / 1000)} s`,
  };
}
