using DistSgd.ParamServer.Services;
using DistSgd.Shared.Wire;

namespace DistSgd.ParamServer.Tests.Services;

/// <summary>How a server's memory for streams is shared out.</summary>
public sealed class StreamBudgetTests
{
    [Fact]
    public void ManyStreamsThatWantAllTheyCanGet_AllHaveRoom_AndTheFirstHaveKeySets()
    {
        var limits = new ServerLimits();
        var budget = new StreamBudget(limits);
        var reserved = new List<long>();
        var keySets = new List<long>();
        while (budget.TryReserve(default, out StreamCredit granted, out long bytes))
        {
            reserved.Add(bytes);
            keySets.Add(granted.KeySetBytes);
        }
        Assert.InRange(reserved.Count, 100, limits.StreamsMax);
        Assert.Equal(limits.StreamKeySetBytesMax, keySets[0]);
        Assert.All(keySets.Take(16), bytes => Assert.True(bytes >= 1 << 20, $"{bytes} bytes of key sets"));
        Assert.True(budget.Reserved <= limits.StreamMemoryBytesMax);

        // What is given back is there for others.
        foreach (long bytes in reserved)
            budget.Release(bytes);
        Assert.Equal(0, budget.Reserved);
        Assert.True(budget.TryReserve(default, out StreamCredit again, out _));
        Assert.Equal(limits.StreamKeySetBytesMax, again.KeySetBytes);
    }

    [Theory]
    [InlineData(0, 0, 65_536)]
    [InlineData(262_144, 65_536, 256)]
    [InlineData(262_144, 10, 10)]
    [InlineData(1000, 65_536, 0)]
    public void KeySets_AreAsManyAsTheirBytesPayFor_ObjectsIncluded(long wantedBytes, uint wantedSets, uint expected)
    {
        var budget = new StreamBudget(new ServerLimits());
        Assert.True(budget.TryReserve(default(StreamCredit) with { KeySetBytes = wantedBytes, KeySets = wantedSets }, out StreamCredit granted, out long bytes));
        Assert.Equal(expected, granted.KeySets);
        Assert.True(bytes >= granted.KeySetBytes + 128 * granted.KeySets, $"{bytes} bytes are reserved.");
    }
}
