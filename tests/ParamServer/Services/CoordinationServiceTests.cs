using DistSgd.ParamServer.Coordination;
using DistSgd.ParamServer.Services;
using DistSgd.Protos.V1;
using DistSgd.Shared.Jobs;
using DistSgd.TestKit;
using Grpc.Core;

namespace DistSgd.ParamServer.Tests.Services;

public sealed class CoordinationServiceTests
{
    private static readonly ServerLog Silence = new(null, TimeProvider.System);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task Register_BeforeTheJob_IsAnsweredWhenItBegins()
    {
        var time = new ManualTime();
        var service = new CoordinationService(new ServerLimits(), new AwakeClock(time), Silence);
        Task<RegisterResponse> waiting = service.Register(new RegisterRequest { Worker = "w", WaitMs = 20_000 }, new FakeCall());
        Assert.False(waiting.IsCompleted);
        JobSpec spec = Jobs.Make().ToMessage();
        await service.BeginJob(new BeginJobRequest { Spec = spec }, new FakeCall());
        RegisterResponse answer = await waiting.WaitAsync(Patience);
        Assert.True(answer.Assigned);
        Assert.Equal((spec, 0u, 10_000u), (answer.Spec, answer.Partition, answer.HeartbeatMsMax));
    }

    [Fact]
    public async Task Register_WithAnEndlessName_IsRefused()
    {
        var service = new CoordinationService(new ServerLimits(), new AwakeClock(new ManualTime()), Silence);
        RpcException refused = await Assert.ThrowsAsync<RpcException>(() => service.Register(new RegisterRequest { Worker = new string('w', 257) }, new FakeCall()));
        Assert.Equal(StatusCode.InvalidArgument, refused.StatusCode);
    }

    [Fact]
    public async Task Register_WithoutAJob_IsAnsweredAfterItsWaitAndNotBefore()
    {
        var time = new ManualTime();
        var service = new CoordinationService(new ServerLimits(), new AwakeClock(time), Silence);
        Task<RegisterResponse> waiting = service.Register(new RegisterRequest { Worker = "w", WaitMs = 5_000 }, new FakeCall());
        time.Advance(TimeSpan.FromMilliseconds(4_999));
        Assert.False(waiting.IsCompleted);
        time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.False((await waiting.WaitAsync(Patience)).Assigned);
    }

    [Fact]
    public async Task Register_AskingForALongWait_IsAnsweredAfterHalfAMinute()
    {
        var time = new ManualTime();
        var service = new CoordinationService(new ServerLimits(), new AwakeClock(time), Silence);
        Task<RegisterResponse> waiting = service.Register(new RegisterRequest { Worker = "w", WaitMs = uint.MaxValue }, new FakeCall());
        time.Advance(TimeSpan.FromSeconds(30));
        Assert.False((await waiting.WaitAsync(Patience)).Assigned);
    }

    [Fact]
    public async Task Report_AtAnEpochsEnd_IsAnsweredWhenTheSlowestHasFinishedIt()
    {
        var time = new ManualTime();
        var service = new CoordinationService(new ServerLimits(), new AwakeClock(time), Silence);
        await service.BeginJob(new BeginJobRequest { Spec = (Jobs.Make() with { Partitions = 2 }).ToMessage() }, new FakeCall());
        ReportRequest fast = await ReadyAsync(), slow = await ReadyAsync();
        fast.EpochsDone = 2;
        fast.WaitMs = 1_000;
        Task<ReportResponse> waiting = service.Report(fast, new FakeCall());
        slow.EpochsDone = 1;
        Assert.Equal(0u, (await service.Report(slow, new FakeCall())).Awaited);
        Assert.False(waiting.IsCompleted);
        slow.EpochsDone = 2;
        await service.Report(slow, new FakeCall());
        Assert.Equal(0u, (await waiting.WaitAsync(Patience)).Awaited);

        fast.EpochsDone = 3;
        waiting = service.Report(fast, new FakeCall());
        time.Advance(TimeSpan.FromMilliseconds(1_000));
        Assert.Equal(1u, (await waiting.WaitAsync(Patience)).Awaited);

        waiting = service.Report(fast, new FakeCall());
        await service.EndJob(new EndJobRequest { Job = fast.Job }, new FakeCall());
        Assert.True((await waiting.WaitAsync(Patience)).Stop);

        async Task<ReportRequest> ReadyAsync()
        {
            RegisterResponse given = await service.Register(new RegisterRequest { Worker = "w" }, new FakeCall());
            var report = new ReportRequest { Job = given.Spec.Job, Partition = given.Partition, Lease = given.Lease, Ready = true };
            await service.Report(report, new FakeCall());
            return report.Clone();
        }
    }

    [Fact]
    public async Task Register_CallGivenUp_TakesNoPartition()
    {
        var service = new CoordinationService(new ServerLimits(), new AwakeClock(new ManualTime()), Silence);
        using var cancel = new CancellationTokenSource();
        Task<RegisterResponse> waiting = service.Register(new RegisterRequest { Worker = "gone", WaitMs = 20_000 }, new FakeCall(cancel.Token));
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting.WaitAsync(Patience));
        await service.BeginJob(new BeginJobRequest { Spec = Jobs.Make().ToMessage() }, new FakeCall());
        Assert.True((await service.Register(new RegisterRequest { Worker = "w" }, new FakeCall())).Assigned);
    }

    [Fact]
    public async Task Register_MoreWorkersThanPartitions_GivesEachPartitionOnce()
    {
        var service = new CoordinationService(new ServerLimits(), new AwakeClock(new ManualTime()), Silence);
        Task<RegisterResponse>[] waiting = [.. Enumerable.Range(0, 8).Select(i => service.Register(new RegisterRequest { Worker = $"w{i}", WaitMs = 20_000 }, new FakeCall()))];
        await service.BeginJob(new BeginJobRequest { Spec = (Jobs.Make() with { Partitions = 8 }).ToMessage() }, new FakeCall());
        RegisterResponse[] answers = await Task.WhenAll(waiting).WaitAsync(Patience);
        Assert.Equal(Enumerable.Range(0, 8).Select(i => (uint)i), answers.Select(answer => answer.Partition).Order());
        Assert.False((await service.Register(new RegisterRequest { Worker = "late" }, new FakeCall())).Assigned);
    }

    [Fact]
    public async Task WatchJob_IsAnsweredAtAChange_AndOtherwiseAfterItsWait()
    {
        var time = new ManualTime();
        var service = new CoordinationService(new ServerLimits(), new AwakeClock(time), Silence);
        JobSpec spec = Jobs.Make().ToMessage();
        await service.BeginJob(new BeginJobRequest { Spec = spec }, new FakeCall());
        WatchJobResponse first = await service.WatchJob(new WatchJobRequest { Job = spec.Job, WaitMs = 20_000 }, new FakeCall()).WaitAsync(Patience);
        Task<WatchJobResponse> watching = service.WatchJob(new WatchJobRequest { Job = spec.Job, Seen = first.Change, WaitMs = 20_000 }, new FakeCall());
        Assert.False(watching.IsCompleted);
        RegisterResponse worker = await service.Register(new RegisterRequest { Worker = "w" }, new FakeCall());
        WatchJobResponse second = await watching.WaitAsync(Patience);
        Assert.Equal("w", second.Workers[0].Worker);
        watching = service.WatchJob(new WatchJobRequest { Job = spec.Job, Seen = second.Change, WaitMs = 20_000 }, new FakeCall());
        var heartbeat = new ReportRequest { Job = spec.Job, Lease = worker.Lease };
        Assert.False((await service.Report(heartbeat, new FakeCall())).Stop);
        WatchJobResponse third = await watching.WaitAsync(Patience);
        watching = service.WatchJob(new WatchJobRequest { Job = spec.Job, Seen = third.Change, WaitMs = 20_000 }, new FakeCall());
        await service.Report(heartbeat, new FakeCall());
        Assert.False(watching.IsCompleted);
        time.Advance(TimeSpan.FromSeconds(20));
        Assert.Equal(third.Change, (await watching.WaitAsync(Patience)).Change);
    }

    [Fact]
    public async Task WatchJob_AfterARestart_IsToldThatTheJobIsLost()
    {
        var restarted = new CoordinationService(new ServerLimits(), new AwakeClock(new ManualTime()), Silence);
        RpcException lost = await Assert.ThrowsAsync<RpcException>(() => restarted.WatchJob(new WatchJobRequest { Job = "job", Seen = 2, WaitMs = 0 }, new FakeCall()));
        Assert.Equal(StatusCode.NotFound, lost.StatusCode);
        Assert.Contains("this server was restarted, and what it led is lost with it. Start the job again.", lost.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task WatchJob_OfAJobThatEnds_IsToldSo_AndItsWorkersStop()
    {
        var service = new CoordinationService(new ServerLimits(), new AwakeClock(new ManualTime()), Silence);
        JobSpec spec = Jobs.Make().ToMessage();
        await service.BeginJob(new BeginJobRequest { Spec = spec }, new FakeCall());
        RegisterResponse worker = await service.Register(new RegisterRequest { Worker = "w" }, new FakeCall());
        Task<WatchJobResponse> watching = service.WatchJob(new WatchJobRequest { Job = spec.Job, Seen = 2, WaitMs = 20_000 }, new FakeCall());
        await service.EndJob(new EndJobRequest { Job = spec.Job }, new FakeCall());
        RpcException gone = await Assert.ThrowsAsync<RpcException>(() => watching.WaitAsync(Patience));
        Assert.Equal(StatusCode.NotFound, gone.StatusCode);
        Assert.Contains("'job'", gone.Status.Detail, StringComparison.Ordinal);
        Assert.True((await service.Report(new ReportRequest { Job = spec.Job, Lease = worker.Lease }, new FakeCall())).Stop);
    }

    [Fact]
    public async Task BeginJob_Malformed_IsInvalid_AndOneThatIsThereAlready_FailsItsPrecondition()
    {
        var service = new CoordinationService(new ServerLimits(), new AwakeClock(new ManualTime()), Silence);
        JobSpec spec = Jobs.Make().ToMessage();
        Assert.Equal(StatusCode.InvalidArgument, await CodeAsync(new BeginJobRequest()));
        Assert.Equal(StatusCode.InvalidArgument, await CodeAsync(new BeginJobRequest { Spec = new JobSpec { Job = "x" } }));
        Assert.Equal(StatusCode.InvalidArgument, await CodeAsync(new BeginJobRequest { Spec = spec, Shards = { new ShardPlacement { FirstKey = 1_000, Count = 1 } } }));
        Assert.Equal(StatusCode.OK, await CodeAsync(new BeginJobRequest { Spec = spec }));
        JobSpec other = spec.Clone();
        other.Epochs++;
        Assert.Equal(StatusCode.FailedPrecondition, await CodeAsync(new BeginJobRequest { Spec = other }));

        async Task<StatusCode> CodeAsync(BeginJobRequest request)
        {
            try
            {
                await service.BeginJob(request, new FakeCall());
                return StatusCode.OK;
            }
            catch (RpcException refused)
            {
                return refused.StatusCode;
            }
        }
    }
}
