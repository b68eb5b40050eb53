/** zod's smaller half, in English: by itself it knows no language, and says "Invalid input" of everything. */
import { config, locales } from 'zod/mini';

// What is checked is read once: making code for it would take longer than it saves.
config({ ...locales.en(), jitless: true });

export * from 'zod/mini';
