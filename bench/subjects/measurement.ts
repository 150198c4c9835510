/** Prints what a subject measured, by row id, as its last line. */
export function printMeasurement(measurement: Readonly<Record<string, number>>): void {
  console.log(JSON.stringify(measurement));
}
