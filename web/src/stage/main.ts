/** Starts the big screen. */
import '../styles/base.css';
import { mount } from 'svelte';
import { loadWords } from '../lib/words';
import Stage from './Stage.svelte';

void loadWords().then(() => mount(Stage, { target: document.getElementById('app') as HTMLElement }));
