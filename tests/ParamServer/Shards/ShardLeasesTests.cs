using DistSgd.ParamServer.Coordination;
using DistSgd.ParamServer.Services;
using DistSgd.ParamServer.Shards;
using DistSgd.ParamServer.Tests.Services;
using DistSgd.Protos.V1;
using DistSgd.Shared.Jobs;
using DistSgd.Shared.Sharding;
using DistSgd.TestKit;
using PullPart = DistSgd.Shared.Exchange.PullPart;
using ShardKeys = DistSgd.ParamServer.Shards.ShardKeys;
using ShardPlacement = DistSgd.Shared.Exchange.ShardPlacement;

namespace DistSgd.ParamServer.Tests.Shards;

public sealed class ShardLeasesTests
{
    private static readonly DateTimeOffset Start = new(2025, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Tick = TimeSpan.FromSeconds(1);

    [Fact]
    public void Shards_AreWantedForALeaseAfterTheLastRenewalOrUse_AndNoLonger()
    {
        var leases = new ShardLeases(Lease);
        leases.Renew("a", Start);
        Assert.True(leases.IsWanted("a", used: 0, Start + Lease));
        Assert.False(leases.IsWanted("a", used: 0, Start + Lease + Tick));
        leases.Renew("a", Start + Tick);
        Assert.True(leases.IsWanted("a", used: 0, Start + Tick + Lease));
        Assert.True(leases.IsWanted("a", used: 5, Start + Lease * 3));
        Assert.True(leases.IsWanted("a", used: 5, Start + Lease * 4));
        Assert.False(leases.IsWanted("a", used: 5, Start + Lease * 4 + Tick));
        Assert.True(leases.IsWanted("unknown", used: 0, Start));
        Assert.False(leases.IsWanted("unknown", used: 0, Start + Lease + Tick));
    }

    [Fact]
    public async Task Sweep_FreesWhatNobodyRenewsOrUses_GivesItsMemoryToOthers_AndSaysSo()
    {
        var time = new ManualTime();
        var lines = new List<string>();
        await using var log = new ServerLog(line => lines.Add(line.Text), time);
        using var registry = new ShardRegistry(bytesMax: 300);
        var service = new ShardsService(registry, new ServerLimits(), new AwakeClock(time), log, new ServerFacts(time));
        TrainingJob job = Jobs.Make(63);
        ActivateResponse activated = await service.Activate(Request(job), new FakeCall());
        Assert.Equal((256ul, 60_000u), (activated.Bytes, activated.LeaseMs));
        Run(TimeSpan.FromSeconds(50));
        Assert.Equal(1u, (await service.Renew(new RenewRequest { Job = "job" }, new FakeCall())).Shards);
        Run(TimeSpan.FromSeconds(50));
        registry.Find("job", 0).Push(Jobs.Delta(1), ShardKeys.Range(0, 1), [1f]);
        Run(TimeSpan.FromSeconds(50));
        registry.Find("job", 0).Pull(ShardKeys.Range(0, 1), PullPart.Values, new float[1]);
        Run(TimeSpan.FromSeconds(60));
        Assert.Single(registry.All);
        Run(TimeSpan.FromSeconds(2));
        Assert.Empty(registry.All);
        Assert.Equal(0u, (await service.Renew(new RenewRequest { Job = "job" }, new FakeCall())).Shards);
        await service.Activate(Request(job with { Name = "next" }), new FakeCall());
        await log.DisposeAsync();
        Assert.Equal(
            ["job 'job': shard 0 activated: 64 keys, 0.0 MB",
             "job 'job': shard 0 freed, neither renewed by a leader nor used for 60 s: 0.0 MB; 1 pushes applied, 0 sent again, 0 refused",
             "job 'next': shard 0 activated: 64 keys, 0.0 MB"], lines);

        void Run(TimeSpan by)
        {
            for (TimeSpan ran = TimeSpan.Zero; ran < by; ran += Tick)
            {
                time.Advance(Tick);
                service.Sweep();
            }
        }
    }

    [Fact]
    public async Task Sweep_AfterThisProcessWasPaused_FreesNothing()
    {
        var time = new ManualTime();
        using var registry = new ShardRegistry(bytesMax: 300);
        var service = new ShardsService(registry, new ServerLimits(), new AwakeClock(time), new ServerLog(null, time), new ServerFacts(time));
        await service.Activate(Request(Jobs.Make(63)), new FakeCall());
        time.Advance(TimeSpan.FromHours(1));
        service.Sweep();
        Assert.Single(registry.All);
    }

    [Fact]
    public async Task Sweep_RefusedPushes_AreToldOnceAndCounted()
    {
        var time = new ManualTime();
        var lines = new List<string>();
        await using var log = new ServerLog(line => lines.Add(line.Text), time);
        using var registry = new ShardRegistry(bytesMax: 300);
        var service = new ShardsService(registry, new ServerLimits(), new AwakeClock(time), log, new ServerFacts(time));
        await service.Activate(Request(Jobs.Make(63)), new FakeCall());
        for (ulong push = 1; push <= 3; push++)
            Assert.ThrowsAny<Exception>(() => registry.Find("job", 0).Push(Jobs.Delta(push), ShardKeys.Range(0, 1), [float.NaN]));
        service.Sweep();
        service.Sweep();
        await service.Deactivate(new DeactivateRequest { Job = "job" }, new FakeCall());
        await log.DisposeAsync();
        Assert.Equal("job 'job': 3 pushes were refused so far", lines[1]);
        Assert.Equal("job 'job': shard 0 freed, as its leader asked: 0.0 MB; 0 pushes applied, 0 sent again, 3 refused", lines[2]);
        Assert.Equal(3, lines.Count);
    }

    private static ActivateRequest Request(TrainingJob job)
    {
        var request = new ActivateRequest { Spec = job.ToMessage() };
        request.Shards.Add(new ShardPlacement(0, new KeyRange(0, 64), "a:1").ToMessage());
        return request;
    }
}
