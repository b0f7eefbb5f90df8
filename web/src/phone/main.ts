/** Starts the page of guests and hosts. */
import '../styles/base.css';
import { mount } from 'svelte';
import Phone from './Phone.svelte';

mount(Phone, { target: document.getElementById('app') as HTMLElement });
