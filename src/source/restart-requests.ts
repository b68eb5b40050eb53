/** The way in which others, such as an alert, have the sensor started again. */
export class RestartRequests {
  #listener: ((reason: string) => void) | undefined;

  /** False where no sensor is running that could be started again. */
  request(reason: string): boolean {
    this.#listener?.(reason);
    return this.#listener !== undefined;
  }

  /** Calls the listener at each request until what it returns is called. */
  listen(listener: (reason: string) => void): () => void {
    this.#listener = listener;
    return () => {
      this.#listener = undefined;
    };
  }
}
