/** Starts the page of guests and hosts. */
import '../styles/base.css';
import { mount } from 'svelte';
import { loadWords } from '../lib/words';
import Phone from './Phone.svelte';

void loadWords().then(() => mount(Phone, { target: document.getElementById('app') as HTMLElement }));
