using DistSgd.ParamServer.Shards;

namespace DistSgd.ParamServer.Tests.Shards;

public sealed class StalenessLedgerTests
{
    [Fact]
    public void Record_EachStaleness_CountsInItsBucket()
    {
        var ledger = new StalenessLedger();
        foreach (long staleness in (long[])[-3, 0, 1, 2, 3, 4, 7, 8, 1L << 31, long.MaxValue])
            ledger.Record(staleness);
        long[] counts = ledger.Snapshot();
        Assert.Equal((long[])[2, 1, 2, 2, 1], counts[..5]);
        Assert.Equal(2, counts[StalenessLedger.Buckets - 1]);
        Assert.Equal(10, counts.Sum());
    }

    [Fact]
    public void Quantile_RandomStaleness_IsTheUpperEndOfTheTrueQuantilesBucket()
    {
        var random = new Random(11);
        for (int round = 0; round < 50; round++)
        {
            var ledger = new StalenessLedger();
            long[] all = [.. Enumerable.Range(0, random.Next(1, 200)).Select(_ => (long)random.Next(0, 1 << random.Next(1, 20)))];
            foreach (long staleness in all)
                ledger.Record(staleness);
            Array.Sort(all);
            foreach (double p in (double[])[0.01, 0.5, 0.99, 1])
            {
                long exact = all[(int)Math.Ceiling(p * all.Length) - 1];
                long bound = StalenessLedger.Quantile(ledger.Snapshot(), p);
                Assert.True(bound >= exact && (exact == 0 ? bound == 0 : bound < 2 * exact), $"round {round}, p {p}: {bound} for {exact}");
            }
        }
    }

    [Fact]
    public void Quantile_OfNothing_IsZero() => Assert.Equal(0, StalenessLedger.Quantile(new long[StalenessLedger.Buckets], 0.5));
}
