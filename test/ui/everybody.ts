/** What every page of the dashboard owes its readers, whoever they are. */
import { AxeBuilder } from '@axe-core/playwright';
import type { Page } from 'playwright-core';
import * as assert from 'uvu/assert';
import { clippedTexts } from '../support/browser.ts';

/** Nothing that axe finds, no text cut off, no scrolling sideways. */
export async function isForEverybody(page: Page, label: string): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).options({ reporter: 'no-passes' }).analyze();
  const told = violations.flatMap(({ id, nodes }) =>
    nodes.slice(0, 3).map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`),
  );
  assert.equal(told, [], label);
  assert.equal(await clippedTexts(page), [], label);
  const [wide, here] = await page.evaluate<[number, number]>('[document.documentElement.scrollWidth, innerWidth]');
  assert.ok(wide <= here, `${label}: the page is ${wide} wide`);
}
