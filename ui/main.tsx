/** The dashboard: draws the frame and opens the feed. */
import { render } from 'preact';
import { startFeed } from './live.ts';
import { Shell } from './shell.tsx';

const place = document.getElementById('app');
if (place !== null) render(<Shell />, place);
startFeed();
