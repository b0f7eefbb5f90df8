/** Starts the landing page. */
import '../styles/base.css';
import { mount } from 'svelte';
import Landing from './Landing.svelte';

mount(Landing, { target: document.getElementById('app') as HTMLElement });
