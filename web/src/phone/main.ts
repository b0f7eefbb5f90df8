/** Starts the page of guests and hosts. */
import '../styles/base.css';
import { mount } from 'svelte';
import { standBy } from '../lib/install';
import { loadWords } from '../lib/words';
import Phone from './Phone.svelte';

standBy();

void loadWords().then(() => {
  const target = document.getElementById('app') as HTMLElement;
  // The page came with a sketch of itself, so that something is there before any script is.
  target.replaceChildren();
  mount(Phone, { target });
});
