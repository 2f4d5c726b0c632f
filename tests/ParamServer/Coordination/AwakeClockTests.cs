using DistSgd.ParamServer.Coordination;
using DistSgd.TestKit;

namespace DistSgd.ParamServer.Tests.Coordination;

public sealed class AwakeClockTests
{
    [Fact]
    public void Now_CountsWhatRan_AndLeavesPausesOut()
    {
        var time = new ManualTime();
        var clock = new AwakeClock(time);
        DateTimeOffset start = clock.Now;
        for (int second = 1; second <= 10; second++)
        {
            time.Advance(TimeSpan.FromSeconds(1));
            Assert.Equal(TimeSpan.FromSeconds(second), clock.Now - start);
        }
        time.Advance(AwakeClock.PauseMin);
        Assert.Equal(TimeSpan.FromSeconds(10), clock.Now - start);
        time.Advance(AwakeClock.PauseMin - TimeSpan.FromTicks(1));
        Assert.Equal(TimeSpan.FromSeconds(10) + AwakeClock.PauseMin - TimeSpan.FromTicks(1), clock.Now - start);
    }
}
