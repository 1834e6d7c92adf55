/** The dashboard of a node that shows nothing without its token, in a browser: asked for once, then known. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hasBrowser, inBrowser } from '../support/browser.ts';
import { anHttpWorld } from '../support/httpWorld.ts';

const SignIn = suite('signing in');

(hasBrowser() ? SignIn : SignIn.skip)('asks for the token, then shows the page, also after a reload', async () => {
  const world = await anHttpWorld({ apiToken: 's3cret-of-the-test', tokenFor: 'all' });
  try {
    await inBrowser(async (browser) => {
      const context = await browser.newContext();
      const page = await context.newPage();
      await page.goto(`${world.url}/dashboard`);
      await page.getByLabel('Token').fill('wrong');
      await page.getByRole('button', { name: 'Sign in' }).click();
      await page.getByText('That is not the token.').waitFor();
      await page.getByLabel('Token').fill('s3cret-of-the-test');
      await page.getByLabel('Token').press('Enter');
      await page.locator('.connection.live').waitFor();
      assert.is(await page.getByLabel('Token').count(), 0);
      await page.getByRole('textbox', { name: 'Message' }).fill('from the browser');
      await page.getByRole('button', { name: 'Send', exact: true }).click();
      await page.getByText('Committed as id 1').waitFor();
      assert.is(world.node.appends.length, 1);
      assert.is(await page.evaluate('document.cookie'), '');
      await page.reload();
      await page.locator('.connection.live').waitFor();
      const [cookie] = await context.cookies();
      assert.equal([cookie?.httpOnly, cookie?.sameSite], [true, 'Strict']);
      await context.close();
    });
  } finally {
    await world.stop();
  }
});
SignIn.run();
