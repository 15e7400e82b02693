/**
 * Optimal assignment: the pairs of rows and columns with the highest sum, by successive shortest paths
 * with potentials (Kuhn 1955; Jonker and Volgenant 1987, Computing 38); `estimator/people/assignment.py`.
 */

/**
 * Pairs rows with columns, each at most once, so that the sum of (value - least) is highest.
 *
 * @param value a row for each of N, with M finite numbers.
 * @param least minimum value of a pair.
 * @returns pairs (row, column), rows ascending; only those of at least `least`.
 */
export function highest(value: readonly (readonly number[])[], least: number): [number, number][] {
  const rows = value.length;
  const columns = rows ? value[0].length : 0;
  if (!rows || !columns) return [];
  if (rows > columns) {
    const turned = Array.from({ length: columns }, (_, column) => value.map((row) => row[column]));
    const pairs = highest(turned, least).map(([column, row]): [number, number] => [row, column]);
    return pairs.sort((one, other) => one[0] - other[0]);
  }
  const cost = value.map((row) => row.map((one) => -Math.max(one - least, 0)));
  return cheapest(cost)
    .map((column, row): [number, number] => [row, column])
    .filter(([row, column]) => value[row][column] >= least);
}

/** The column of every row of `cost` (N, M), N <= M, so that the sum is lowest. */
function cheapest(cost: readonly (readonly number[])[]): number[] {
  const others = cost[0].length;
  const rowOf: number[] = new Array(others + 1).fill(-1); // the last, virtual column starts a new row
  const rowPrice: number[] = new Array(cost.length).fill(0);
  const columnPrice: number[] = new Array(others + 1).fill(0);
  for (let row = 0; row < cost.length; row++) {
    rowOf[others] = row;
    let column = others;
    const shortest: number[] = new Array(others).fill(Infinity);
    const before: number[] = new Array(others).fill(others);
    const done: boolean[] = new Array(others + 1).fill(false);
    while (rowOf[column] >= 0) {
      done[column] = true;
      const here = rowOf[column];
      let following = -1;
      for (let index = 0; index < others; index++) {
        if (done[index]) continue;
        const reduced = cost[here][index] - rowPrice[here] - columnPrice[index];
        if (reduced < shortest[index]) {
          shortest[index] = reduced;
          before[index] = column;
        }
        if (following < 0 || shortest[index] < shortest[following]) following = index;
      }
      const step = shortest[following];
      for (let index = 0; index <= others; index++) {
        if (done[index]) {
          rowPrice[rowOf[index]] += step;
          columnPrice[index] -= step;
        } else if (index < others) {
          shortest[index] -= step;
        }
      }
      column = following;
    }
    while (column !== others) { // each column on the path takes the row of the one before it
      rowOf[column] = rowOf[before[column]];
      column = before[column];
    }
  }
  const columns: number[] = new Array(cost.length);
  for (let column = 0; column < others; column++) {
    if (rowOf[column] >= 0) columns[rowOf[column]] = column;
  }
  return columns;
}
