/** A picture as pixels, three for one: sharp at the width of a column. Letters are those of the fonts that are installed here. */
import { Resvg } from '@resvg/resvg-js';

const zoom = 3;

export const pngOf = (svg: string): Uint8Array =>
  new Resvg(svg, { fitTo: { mode: 'zoom', value: zoom } }).render().asPng();
