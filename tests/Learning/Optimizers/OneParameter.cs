using DistSgd.Kernels;
using DistSgd.Learning.Optimizers;

namespace DistSgd.Learning.Tests.Optimizers;

/// <summary>One parameter under an update rule.</summary>
internal sealed class OneParameter
{
    private readonly UpdateRule _rule;
    private readonly RuleKernel _kernel;
    private readonly float[] _value = new float[1];
    private readonly float[][] _slots = [new float[1], new float[1], new float[1]];
    private readonly StepAt _regularizer;
    private long _count;

    public OneParameter(UpdateRule rule, RuleKernel kernel, float value)
    {
        (_rule, _kernel, _value[0]) = (rule, kernel, value);
        _regularizer = rule.Form.Facts.OwnsRegularizer ? new StepAt(0.1f, 1, (float)rule.L1, (float)rule.L2) : new StepAt(0.1f, 1);
        var slots = new float[kernel.Slots];
        kernel.Start(rule, _regularizer, value, slots);
        for (int i = 0; i < slots.Length; i++)
            _slots[i][0] = slots[i];
    }

    public float Value => _value[0];

    public IEnumerable<float> Slots => _slots.Select(slot => slot[0]);

    private RulePlanes Planes => new(_value, _slots[0], _slots[1], _slots[2]);

    public float Step(float rate, float gradient)
    {
        _kernel.Step(_rule, _regularizer with { Rate = rate, Count = ++_count }, [gradient], Planes);
        return Value;
    }

    public float Flow(float elapsed)
    {
        _kernel.Flow(_rule, new StepAt(0, _count), [elapsed], Planes);
        return Value;
    }

    public float Drift(float missed)
    {
        _kernel.Drift(_rule, [missed], Planes);
        return Value;
    }
}
