using DistSgd.ParamServer.Services;
using DistSgd.Shared.Wire;
using DistSgd.TestKit;

namespace DistSgd.ParamServer.Tests.Services;

/// <summary>How a server's memory for streams is shared out.</summary>
public sealed class StreamBudgetTests
{
    [Fact]
    public void ManyStreamsThatWantAllTheyCanGet_AllHaveRoom_AndTheFirstHaveKeySets()
    {
        var limits = new ServerLimits();
        var budget = new StreamBudget(limits, TimeProvider.System);
        var reserved = new Dictionary<Holder, long>();
        var keySets = new List<long>();
        while (new Holder() is var holder && budget.TryReserve(holder, default, out StreamCredit granted, out long bytes))
        {
            reserved.Add(holder, bytes);
            keySets.Add(granted.KeySetBytes);
        }
        Assert.InRange(reserved.Count, 100, limits.StreamsMax);
        Assert.Equal(limits.StreamKeySetBytesMax, keySets[0]);
        Assert.All(keySets.Take(16), bytes => Assert.True(bytes >= 1 << 20, $"{bytes} bytes of key sets"));
        Assert.True(budget.Reserved <= limits.StreamMemoryBytesMax);

        // What is given back is there for others.
        foreach ((Holder holder, long bytes) in reserved)
            budget.Release(holder, bytes);
        Assert.Equal(0, budget.Reserved);
        Assert.True(budget.TryReserve(new Holder(), default, out StreamCredit again, out _));
        Assert.Equal(limits.StreamKeySetBytesMax, again.KeySetBytes);
    }

    [Fact]
    public void StreamsThatHaventMovedForLong_GiveWay_WhenAnotherFindsNoRoom()
    {
        var time = new ManualTime();
        var budget = new StreamBudget(new ServerLimits(), time);
        var still = new Holder { MovedAt = time.GetTimestamp() };
        Assert.True(budget.TryOpen(still));
        Assert.True(budget.TryReserve(still, default, out _, out long bytes));
        time.Advance(TimeSpan.FromSeconds(31));
        var moving = new List<Holder>();
        while (new Holder { MovedAt = time.GetTimestamp() } is var holder && budget.TryReserve(holder, default, out _, out _))
            moving.Add(holder);
        Assert.True(still.IsGivingWay);
        Assert.DoesNotContain(moving, holder => holder.IsGivingWay);
        budget.Release(still, bytes);
        Assert.True(budget.TryReserve(new Holder { MovedAt = time.GetTimestamp() }, default, out _, out _));
    }

    [Fact]
    public void StreamsThatNeverSaidHello_GiveWay_WhenTooManyAreOpen()
    {
        var time = new ManualTime();
        var limits = new ServerLimits();
        var budget = new StreamBudget(limits, time);
        var mute = Enumerable.Range(0, limits.StreamsMax).Select(_ => new Holder { MovedAt = time.GetTimestamp() }).ToList();
        Assert.All(mute, holder => Assert.True(budget.TryOpen(holder)));
        Assert.False(budget.TryOpen(new Holder { MovedAt = time.GetTimestamp() }));
        Assert.DoesNotContain(mute, holder => holder.IsGivingWay);
        time.Advance(TimeSpan.FromSeconds(31));
        Assert.False(budget.TryOpen(new Holder { MovedAt = time.GetTimestamp() }));
        Assert.All(mute, holder => Assert.True(holder.IsGivingWay));
        budget.Release(mute[0], 0);
        Assert.True(budget.TryOpen(new Holder { MovedAt = time.GetTimestamp() }));
    }

    [Theory]
    [InlineData(0, 0, 65_536)]
    [InlineData(262_144, 65_536, 256)]
    [InlineData(262_144, 10, 10)]
    [InlineData(1000, 65_536, 0)]
    public void KeySets_AreAsManyAsTheirBytesPayFor_ObjectsIncluded(long wantedBytes, uint wantedSets, uint expected)
    {
        var budget = new StreamBudget(new ServerLimits(), TimeProvider.System);
        Assert.True(budget.TryReserve(new Holder(), default(StreamCredit) with { KeySetBytes = wantedBytes, KeySets = wantedSets }, out StreamCredit granted, out long bytes));
        Assert.Equal(expected, granted.KeySets);
        Assert.True(bytes >= granted.KeySetBytes + 128 * granted.KeySets, $"{bytes} bytes are reserved.");
    }

    private sealed class Holder : IStreamHolder
    {
        public long MovedAt { get; init; }

        public bool IsGivingWay { get; private set; }

        public void GiveWay() => IsGivingWay = true;
    }
}
