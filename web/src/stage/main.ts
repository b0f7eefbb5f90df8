/** Starts the big screen. */
import '../styles/base.css';
import { mount } from 'svelte';
import Stage from './Stage.svelte';

mount(Stage, { target: document.getElementById('app') as HTMLElement });
