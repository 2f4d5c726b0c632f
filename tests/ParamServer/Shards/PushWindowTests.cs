using DistSgd.ParamServer.Shards;
using DistSgd.Shared.Exchange;
using FsCheck;
using FsCheck.Fluent;

namespace DistSgd.ParamServer.Tests.Shards;

public sealed class PushWindowTests
{
    private const ulong Window = PushWindow.WindowPushes;

    [Fact]
    public void TryAdmit_AnySequencesWithinTheWindow_EqualsASet() =>
        Prop.ForAll<(byte, ushort)[]>(ArbMap.Default.ArbFor<(byte Source, ushort Place)[]>(), names =>
        {
            var window = new PushWindow();
            var twin = new HashSet<PushName>();
            return names.All(name =>
            {
                var push = new PushName((ulong)name.Item1 % 3, name.Item2 % (Window - 1) + 1);
                return window.TryAdmit(push) == twin.Add(push);
            });
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void TryAdmit_AnySequencesAnywhere_EqualsASetThatKnowsTheWindow() =>
        Prop.ForAll<(byte, int)[]>(ArbMap.Default.ArbFor<(byte Jump, int Back)[]>(), moves =>
        {
            var window = new PushWindow();
            var twin = new HashSet<ulong>();
            ulong highest = 0;
            return moves.All(move =>
            {
                // Forward by up to 255 windows, or back by up to two.
                ulong sequence = move.Item1 % 2 == 0 ? highest + move.Item1 * Window / 3 + 1 : highest - Math.Min(highest, (uint)move.Item2 % (2 * Window));
                bool expected = !(highest >= Window && sequence <= highest - Window) && twin.Add(sequence);
                highest = Math.Max(highest, sequence);
                return window.TryAdmit(new PushName(9, sequence)) == expected;
            });
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void TryAdmit_OutOfOrderWithinTheWindow_AdmitsEachOnce()
    {
        var window = new PushWindow();
        ulong[] sequences = [.. Enumerable.Range(1, (int)Window).Select(s => (ulong)s)];
        new Random(3).Shuffle(sequences);
        Assert.All(sequences, sequence => Assert.True(window.TryAdmit(new PushName(1, sequence))));
        Assert.All(sequences, sequence => Assert.False(window.TryAdmit(new PushName(1, sequence))));
    }

    [Fact]
    public void TryAdmit_OlderThanTheWindow_CountsAsApplied()
    {
        var window = new PushWindow();
        Assert.True(window.TryAdmit(new PushName(1, Window + 1)));
        Assert.False(window.TryAdmit(new PushName(1, 1)));
        Assert.True(window.TryAdmit(new PushName(1, 2)));
    }

    [Fact]
    public void TryAdmit_SequencesThatBeginAgain_AreDuplicatesOfTheirSourceOnly()
    {
        var window = new PushWindow();
        for (ulong sequence = 1; sequence <= 5; sequence++)
            Assert.True(window.TryAdmit(new PushName(1, sequence)));
        Assert.False(window.TryAdmit(new PushName(1, 1)));
        Assert.True(window.TryAdmit(new PushName(2, 1)));
    }

    [Fact]
    public void TryAdmit_MoreSourcesThanTheBound_ForgetsTheOneThatPushedLongestAgo()
    {
        var window = new PushWindow(sourcesMax: 3);
        foreach (ulong source in (ulong[])[1, 2, 3])
            Assert.True(window.TryAdmit(new PushName(source, 1)));
        Assert.True(window.TryAdmit(new PushName(1, 2)));
        Assert.True(window.TryAdmit(new PushName(4, 1)));
        Assert.Equal(3, window.Sources);
        Assert.False(window.TryAdmit(new PushName(1, 1)));
        Assert.False(window.TryAdmit(new PushName(3, 1)));
        Assert.True(window.TryAdmit(new PushName(2, 1)));
    }

    [Fact]
    public void TryAdmit_SequencesAtTheEndOfTheNumbers_NeitherWrapNorHang()
    {
        var window = new PushWindow();
        Assert.True(window.TryAdmit(new PushName(1, 5000)));
        Assert.True(window.TryAdmit(new PushName(1, ulong.MaxValue - 10)));
        Assert.True(window.TryAdmit(new PushName(1, ulong.MaxValue)));
        Assert.False(window.TryAdmit(new PushName(1, ulong.MaxValue)));
        Assert.True(window.TryAdmit(new PushName(1, ulong.MaxValue - 1)));
        Assert.False(window.TryAdmit(new PushName(1, 1018)));
    }
}
