/** Starts the page of guests and hosts: small, so that it knocks at the room before everything else is here. */
import '../styles/base.css';
import { codeFromPath, socketUrl } from '../lib/base';
import { knock } from '../lib/early';
import { standBy } from '../lib/install';
import { adoptHostToken, clientId, credentials, nickname } from '../lib/keep';
import { loadWords } from '../lib/words';

const code = codeFromPath();
adoptHostToken(code);
knock(socketUrl(code, clientId()), { t: 'hello', ...credentials(code) });
// A newcomer is asked for a name first of all.
if (!nickname.get()) void import('./NameSheet.svelte').catch(() => undefined);
void Promise.all([import('./start'), loadWords()]).then(([{ start }]) => start(code));
standBy();
