using DistSgd.Learning.Optimizers;
using static System.MathF;

namespace DistSgd.Learning.Oracle;

/// <summary>Every update rule a second time, one parameter at a time in plain scalar code, in the order of operations that its type documents.</summary>
internal sealed class OracleRule(UpdateRule rule, bool countsPerKey)
{
    /// <summary>Room for any rule's state.</summary>
    public const int Slots = 3;

    private readonly float _delta = rule[RuleConstant.Delta];
    private readonly float _momentum = rule[RuleConstant.Momentum];
    private readonly float _rho = rule[RuleConstant.Rho];
    private readonly float _rho2 = rule[RuleConstant.Rho2];
    private readonly float _beta = rule[RuleConstant.Beta];

    /// <summary>One step.</summary>
    /// <returns>The new value.</returns>
    public float Step(float rate, long count, bool isRegularized, float g, float w, float[] state)
    {
        switch (rule.Optimizer)
        {
            case OptimizerKind.Sgd:
                return FusedMultiplyAdd(-rate, g, w);
            case OptimizerKind.Momentum:
                state[0] = DropFaded(FusedMultiplyAdd(_momentum, state[0], -rate * g));
                return w + state[0];
            case OptimizerKind.Nesterov:
                return LookAhead(rate * g, w, state);
            case OptimizerKind.AdaGrad:
                state[0] = FusedMultiplyAdd(g, g, state[0]);
                return w - rate * g / (_delta + Sqrt(state[0]));
            case OptimizerKind.RmsProp:
                state[0] = Average(_rho, state[0], g * g);
                return w - rate * g / (Sqrt(state[0]) + _delta);
            case OptimizerKind.AdaDelta:
                state[0] = Average(_rho, state[0], g * g);
                float down = rate * Sqrt(state[1] + _delta) / Sqrt(state[0] + _delta) * g;
                state[1] = Average(_rho, state[1], down * down);
                return w - down;
            case OptimizerKind.AdaGradNesterov:
                state[1] = FusedMultiplyAdd(g, g, state[1]);
                return LookAhead(rate * g / (_delta + Sqrt(state[1])), w, state);
            case OptimizerKind.RmsPropNesterov:
                state[1] = Average(_rho, state[1], g * g);
                return LookAhead(rate * g / (Sqrt(state[1]) + _delta), w, state);
            case OptimizerKind.Adam or OptimizerKind.AdamW:
                return StepAdam(rate, count, g, w, state);
            case OptimizerKind.Ftrl:
                return StepFtrl(rate, isRegularized ? (float)rule.L1 : 0, isRegularized ? (float)rule.L2 : 0, g, w, state);
            default:
                throw new NotSupportedException($"The oracle doesn't know the rule {rule.Optimizer}.");
        }
    }

    /// <summary>What so many steps without a gradient come to.</summary>
    public float Drift(long missed, float w, float[] state)
    {
        if (rule.Optimizer is not (OptimizerKind.Momentum or OptimizerKind.Nesterov))
            return w;
        float fading = missed * (float)-Math.Log(_momentum);
        float reach = (rule.Optimizer == OptimizerKind.Momentum ? _momentum : _momentum * _momentum) / (1f - _momentum);
        w = FusedMultiplyAdd(state[0] * reach, OracleMath.OneMinusExp(fading), w);
        state[0] *= OracleMath.Exp(0f - fading);
        return w;
    }

    /// <summary>The regulariser over an elapsed sum of rates, in the rule's metric.</summary>
    public float Flow(float elapsed, long count, float w, float[] state)
    {
        if (rule.Optimizer == OptimizerKind.Ftrl)
            return w;
        float l1 = (float)rule.L1, l2 = (float)rule.L2;
        bool isAlike = rule.Optimizer is OptimizerKind.Sgd or OptimizerKind.Momentum or OptimizerKind.Nesterov or OptimizerKind.AdamW;
        float time = Time(elapsed, count, state);
        float factor = OracleMath.Decay(l1 == 0 && !isAlike ? Time(l2 * elapsed, count, state) : l2 * time);
        if (rule.Optimizer is OptimizerKind.Momentum or OptimizerKind.Nesterov)
            state[0] *= factor;
        return OracleMath.Shrink(w, factor, Amount(l1, l2, time, factor));
    }

    // A sum of rates in the rule's metric.
    private float Time(float elapsed, long count, float[] state)
    {
        float gain = 1f / (1f - _momentum);
        return rule.Optimizer switch
        {
            OptimizerKind.Momentum or OptimizerKind.Nesterov => elapsed * gain,
            OptimizerKind.AdaGrad => elapsed / (_delta + Sqrt(state[0])),
            OptimizerKind.RmsProp => elapsed / (Sqrt(state[0]) + _delta),
            OptimizerKind.AdaDelta => elapsed * Sqrt(state[1] + _delta) / Sqrt(state[0] + _delta),
            OptimizerKind.AdaGradNesterov => elapsed * gain / (_delta + Sqrt(state[1])),
            OptimizerKind.RmsPropNesterov => elapsed * gain / (Sqrt(state[1]) + _delta),
            OptimizerKind.Adam => elapsed * (1f / (Sqrt(state[1] * Correction(_rho2, Count(count, state))) + _delta)),
            _ => elapsed,
        };
    }

    /// <summary>The state that belongs to a value, of a parameter that isn't regularised, before the first step.</summary>
    public void Start(float w, float[] state)
    {
        if (rule.Optimizer == OptimizerKind.Ftrl && w != 0)
            state[0] = -w * (_beta / rule.Schedule.Rate(0) + 0f) - CopySign(0f, w);
    }

    private float LookAhead(float step, float w, float[] state)
    {
        float down = 0f - step;
        state[0] = DropFaded(FusedMultiplyAdd(_momentum, state[0], down));
        return w + FusedMultiplyAdd(_momentum, state[0], down);
    }

    private float StepAdam(float rate, long count, float g, float w, float[] state)
    {
        if (countsPerKey)
            state[2] += 1f;
        float t = Count(count, state);
        state[0] = DropFaded(FusedMultiplyAdd(1f - _rho, g - state[0], state[0]));
        state[1] = DropFaded(FusedMultiplyAdd(1f - _rho2, FusedMultiplyAdd(g, g, -state[1]), state[1]));
        return FusedMultiplyAdd(-rate * Correction(_rho, t) * state[0], 1f / (Sqrt(state[1] * Correction(_rho2, t)) + _delta), w);
    }

    private float StepFtrl(float rate, float l1, float l2, float g, float w, float[] state)
    {
        float root = Sqrt(FusedMultiplyAdd(g, g, state[1]));
        state[0] += g - (root - Sqrt(state[1])) / rate * w;
        state[1] = FusedMultiplyAdd(g, g, state[1]);
        float magnitude = Abs(state[0]);
        return l1 < magnitude ? (0f - CopySign(magnitude - l1, state[0])) / ((_beta + root) / rate + l2) : 0f;
    }

    private float Count(long count, float[] state) => countsPerKey ? Max(1f, state[2]) : Math.Max(1, count);

    private static float Average(float kept, float average, float next) => DropFaded(FusedMultiplyAdd(kept, average, (1f - kept) * next));

    private static float DropFaded(float x) => Abs(x) < 1e-30f ? 0f : x;

    // 1/(1 − ρᵗ)
    private static float Correction(float rho, float t) => 1f / OracleMath.OneMinusExp(t * (float)-Math.Log(rho));

    // λ₁ (1 − e^(−λ₂t))/λ₂, by its series where the difference would lose digits.
    private static float Amount(float l1, float l2, float time, float factor)
    {
        float y = l2 * time;
        return y < 0.25f ? l1 * time * OracleMath.DecaySeries(y) : l1 / l2 * (1f - factor);
    }
}
