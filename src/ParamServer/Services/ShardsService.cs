using DistSgd.ParamServer.Coordination;
using DistSgd.ParamServer.Shards;
using DistSgd.Protos.V1;
using DistSgd.Shared.Exchange;
using DistSgd.Shared.Jobs;
using DistSgd.Shared.Sharding;
using Grpc.Core;

namespace DistSgd.ParamServer.Services;

/// <summary>Activates, keeps, describes and deactivates shards on this server.</summary>
/// <param name="registry">The server's shards.</param>
/// <param name="limits">Bounds.</param>
/// <param name="clock">Time.</param>
/// <param name="log">Told of shards.</param>
/// <param name="facts">What the server tells of itself.</param>
public sealed class ShardsService(ShardRegistry registry, ServerLimits limits, AwakeClock clock, ServerLog log, ServerFacts facts) : Protos.V1.Shards.ShardsBase
{
    // Orders activation, renewal and release: shards that are being activated are not freed by a lease of before.
    private readonly Lock _gate = new();
    private readonly ShardLeases _leases = new(limits.LeaseMax);
    private readonly Dictionary<string, long> _toldRefused = [];

    /// <inheritdoc/>
    public override Task<ActivateResponse> Activate(ActivateRequest request, ServerCallContext context)
    {
        try
        {
            TrainingJob job = request.Spec.ToJob();
            lock (_gate)
            {
                int held = Of(job.Name).Length;
                long bytes = registry.Activate(job, Placements(request, job));
                _leases.Renew(job.Name, clock.Now);
                ParameterShard[] shards = Of(job.Name);
                if (shards.Length > held)
                    log.Tell($"{Name(shards)} activated: {shards.Sum(shard => shard.Range.Count):N0} keys, {Megabytes(shards)}");
                return Task.FromResult(new ActivateResponse { Bytes = (ulong)bytes, LeaseMs = (uint)Math.Min(uint.MaxValue, limits.LeaseMax.TotalMilliseconds) });
            }
        }
        catch (ParameterException refused)
        {
            log.Tell($"refused to activate shards: {refused.Message}");
            throw refused.ToRpcException();
        }
        catch (ArgumentException malformed)
        {
            throw new RpcException(new Status(StatusCode.InvalidArgument, malformed.Message));
        }
    }

    /// <inheritdoc/>
    public override Task<RenewResponse> Renew(RenewRequest request, ServerCallContext context)
    {
        lock (_gate)
        {
            int held = Of(request.Job).Length;
            if (held > 0)
                _leases.Renew(request.Job, clock.Now);
            return Task.FromResult(new RenewResponse { Shards = (uint)held });
        }
    }

    /// <inheritdoc/>
    public override Task<DeactivateResponse> Deactivate(DeactivateRequest request, ServerCallContext context)
    {
        lock (_gate)
            Free(request.Job, "as its leader asked");
        return Task.FromResult(new DeactivateResponse());
    }

    /// <inheritdoc/>
    public override Task<DescribeResponse> Describe(DescribeRequest request, ServerCallContext context)
    {
        DescribeResponse answer = facts.Describe();
        foreach (ParameterShard shard in registry.All.OrderBy(shard => shard.Number))
        {
            if (request.Job.Length > 0 && shard.Job.Name != request.Job)
                continue;
            answer.Shards.Add(Describe(shard));
            if (!answer.Jobs.Any(known => known.Job == shard.Job.Name))
                answer.Jobs.Add(Describe(shard.Job));
        }
        return Task.FromResult(answer);
    }

    /// <summary>Frees shards that nobody renewed or used for a lease, and tells of refused pushes; to be called several times a lease.</summary>
    public void Sweep()
    {
        lock (_gate)
        {
            foreach (IGrouping<string, ParameterShard> job in registry.All.GroupBy(shard => shard.Job.Name))
            {
                ShardFigures[] figures = [.. job.Select(shard => shard.Figures)];
                if (!_leases.IsWanted(job.Key, figures.Sum(one => one.Version + one.Refused + one.BytesPushed + one.BytesPulled), clock.Now))
                {
                    Free(job.Key, $"neither renewed by a leader nor used for {limits.LeaseMax.TotalSeconds:0} s");
                    continue;
                }
                long refused = figures.Sum(one => one.Refused);
                if (refused > _toldRefused.GetValueOrDefault(job.Key))
                    log.Tell($"job '{job.Key}': {refused:N0} pushes were refused so far");
                _toldRefused[job.Key] = refused;
            }
        }
    }

    private void Free(string job, string why)
    {
        ParameterShard[] shards = Of(job);
        _leases.Forget(job);
        _toldRefused.Remove(job);
        if (shards.Length == 0)
            return;
        ShardFigures[] figures = [.. shards.Select(shard => shard.Figures)];
        string freed = $"{Name(shards)} freed, {why}: {Megabytes(shards)}; {figures.Sum(one => one.Version):N0} pushes applied, {figures.Sum(one => one.Duplicates):N0} sent again, {figures.Sum(one => one.Refused):N0} refused";
        registry.Deactivate(job);
        log.Tell(freed);
    }

    private ParameterShard[] Of(string job) => [.. registry.All.Where(shard => shard.Job.Name == job).OrderBy(shard => shard.Number)];

    private static string Name(ParameterShard[] shards) =>
        $"job '{shards[0].Job.Name}': {(shards.Length == 1 ? $"shard {shards[0].Number}" : $"{shards.Length} shards ({shards[0].Number} to {shards[^1].Number})")}";

    private static string Megabytes(ParameterShard[] shards) => $"{shards.Sum(shard => shard.Bytes) / 1e6:N1} MB";

    private static IReadOnlyList<Shared.Exchange.ShardPlacement> Placements(ActivateRequest request, TrainingJob job) =>
        request.Shards.Count == 0 ? [new(0, new KeyRange(0, job.KeyCount), "")] : [.. request.Shards.Select(shard => shard.ToPlacement(job))];

    private static JobDescription Describe(TrainingJob job)
    {
        JobSpec spec = (job with { Scaling = null, Data = null }).ToMessage();
        return new JobDescription { Job = job.Name, Tables = { spec.Tables }, Rule = spec.Rule, Sparse = job.Sparse, Width = (uint)job.Width, EntryFloats = (uint)job.EntryFloats };
    }

    private static ShardDescription Describe(ParameterShard shard)
    {
        ShardFigures figures = shard.Figures;
        var description = new ShardDescription
        {
            Job = shard.Job.Name,
            Shard = (uint)shard.Number,
            FirstKey = (ulong)shard.Range.First,
            Count = (ulong)shard.Range.Count,
            Version = (ulong)figures.Version,
            Duplicates = (ulong)figures.Duplicates,
            Refused = (ulong)figures.Refused,
            BytesPushed = (ulong)figures.BytesPushed,
            BytesPulled = (ulong)figures.BytesPulled,
        };
        description.Staleness.Add(figures.Staleness.Select(count => (ulong)count));
        return description;
    }
}
