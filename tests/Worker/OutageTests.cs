using DistSgd.TestKit;
using DistSgd.Worker.Hosting;
using Grpc.Core;

namespace DistSgd.Worker.Tests;

public sealed class OutageTests
{
    private static readonly RpcException Refusing = new(new Status(StatusCode.Unavailable, "Connection refused"));

    [Fact]
    public void CoordinatorThatStaysAway_IsNamedAfterASecond_ThenEveryFive_AndEndsAtTheDeadline()
    {
        var time = new ManualTime();
        var told = new List<(double At, string Text)>();
        double at = 0;
        var outage = new Outage("host:1", TimeSpan.FromSeconds(30), text => told.Add((at, text)), time);
        WorkerException? ended = null;
        while (ended is null)
        {
            ended = Record.Exception(() => outage.Failed(Refusing)) as WorkerException;
            if (ended is null)
            {
                time.Advance(Outage.RetryInterval);
                at += Outage.RetryInterval.TotalSeconds;
            }
        }
        Assert.Equal(30, at, 0.001);
        Assert.Equal("The coordinator host:1 could not be reached for 30 s: Connection refused", ended.Message);
        Assert.Equal([0.8, 5.8, 10.8, 15.8, 20.8, 25.8], told.Select(line => Math.Round(line.At, 1)));
        Assert.Equal("the coordinator host:1 doesn't answer; it is tried for another 29 s: Connection refused", told[0].Text);
    }

    [Fact]
    public void CoordinatorThatAnswersInBetween_BeginsAnew()
    {
        var time = new ManualTime();
        var outage = new Outage("host:1", TimeSpan.FromSeconds(30), null, time);
        time.Advance(TimeSpan.FromSeconds(20));
        outage.Failed(Refusing);
        Assert.True(outage.Ended());
        Assert.False(outage.Ended());
        time.Advance(TimeSpan.FromSeconds(29));
        outage.Failed(Refusing);
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.Throws<WorkerException>(() => outage.Failed(Refusing));
    }

    [Theory]
    [InlineData(StatusCode.InvalidArgument)]
    [InlineData(StatusCode.Unimplemented)]
    [InlineData(StatusCode.Internal)]
    [InlineData(StatusCode.FailedPrecondition)]
    [InlineData(StatusCode.PermissionDenied)]
    public void RefusalThatDoesNotPassByItself_EndsAtOnceWithTheCoordinatorsSentence(StatusCode code)
    {
        var outage = new Outage("host:1", TimeSpan.FromSeconds(30), null, new ManualTime());
        WorkerException ended = Assert.Throws<WorkerException>(() => outage.Failed(new RpcException(new Status(code, "no such thing here"))));
        Assert.Equal("The coordinator host:1 refused: no such thing here", ended.Message);
    }

    [Theory]
    [InlineData(StatusCode.Unavailable)]
    [InlineData(StatusCode.DeadlineExceeded)]
    [InlineData(StatusCode.ResourceExhausted)]
    [InlineData(StatusCode.Aborted)]
    public void RefusalThatMayPass_IsWaitedFor(StatusCode code) =>
        new Outage("host:1", TimeSpan.FromSeconds(30), null, new ManualTime()).Failed(new RpcException(new Status(code, "")));
}
