/** Starts the landing page. */
import '../styles/base.css';
import { mount } from 'svelte';
import { standBy } from '../lib/install';
import { loadWords } from '../lib/words';
import Landing from './Landing.svelte';

standBy();
void loadWords().then(() => mount(Landing, { target: document.getElementById('app') as HTMLElement }));
