using DistSgd.Kernels;
using DistSgd.Learning.Optimizers;
using DistSgd.Shared.Sharding;

namespace DistSgd.ParamServer.Shards;

/// <summary>Regularisation of the whole shard at each push, stripe by stripe under the stripes' locks. Velocities drift in the steps themselves, which are of whole ranges.</summary>
internal sealed class EagerAging(UpdateRule rule, RuleKernel kernel, ShardMemory memory, ShardClock clock) : IShardAging
{
    public void BeforeTouch(in ShardKeys keys, bool isStep)
    {
        // All keys are always up to date.
    }

    public void Age(double rateSum)
    {
        float elapsed = (float)rateSum;
        if (elapsed == 0)
            return;
        foreach (KeyRange regularized in memory.Regularized)
            memory.ForEachStripe(regularized, (this, elapsed), static (self, keys) => self.Item1.Flow(self.elapsed, keys));
    }

    public void Refresh(in ShardKeys keys, Span<float> packed, int stride)
    {
        // All keys are always up to date.
    }

    private void Flow(float elapsed, KeyRange keys)
    {
        if (memory.IsPlanar && !kernel.HasMetric)
            kernel.FlowAlike(rule, elapsed, memory.Planes(keys));
        else if (memory.IsPlanar)
            FlowPlanes(elapsed, memory.Planes(keys));
        else
            FlowEntries(elapsed, keys);
    }

    private void FlowPlanes(float elapsed, RulePlanes planes)
    {
        Span<float> times = stackalloc float[ParameterChunks.Size];
        times.Fill(elapsed);
        for (int start = 0; start < planes.Count; start += times.Length)
        {
            int count = Math.Min(times.Length, planes.Count - start);
            kernel.Flow(rule, new StepAt(0, clock.Steps), times[..count], planes.Slice(start, count));
        }
    }

    private void FlowEntries(float elapsed, KeyRange keys)
    {
        int first = (int)keys.First * memory.Width, count = (int)keys.Count * memory.Width;
        Span<float> room = stackalloc float[ParameterChunks.PlanesFloats];
        Span<float> times = stackalloc float[ParameterChunks.Size];
        times.Fill(elapsed);
        for (int start = 0; start < count; start += times.Length)
        {
            int length = Math.Min(times.Length, count - start);
            var planes = new RulePlanes(Plane(room, 0, length), Plane(room, 1, length), Plane(room, 2, length), Plane(room, 3, length));
            memory.GatherRange(first + start, planes);
            kernel.Flow(rule, new StepAt(0, clock.Steps), times[..length], planes);
            memory.ScatterRange(first + start, planes);
        }
    }

    private static Span<float> Plane(Span<float> room, int plane, int length) => room.Slice(plane * ParameterChunks.Size, length);
}
