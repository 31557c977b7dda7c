/* SPDX-License-Identifier: Apache-2.0 */
/* The cheapest program there is to exec: linked statically, so that no dynamic loader stands in the measurement. */
int main(void)
{
	return 0;
}
