using Grpc.Core;

namespace Grpc.AspNetCore.Server;

/// <summary>On each endpoint of a gRPC service: which service's method it is. Immutable.</summary>
public sealed class GrpcMethodMetadata
{
    /// <summary>Names a service's method.</summary>
    public GrpcMethodMetadata(Type serviceType, IMethod method)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        ArgumentNullException.ThrowIfNull(method);
        ServiceType = serviceType;
        Method = method;
    }

    /// <summary>The class that implements the service.</summary>
    public Type ServiceType { get; }

    /// <summary>The method.</summary>
    public IMethod Method { get; }
}
